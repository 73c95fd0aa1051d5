// Package router joins machines by lines with a delay, a rate, loss and cuts:
// an ocean on a desk. Each machine has a TUN device in its network namespace;
// every pair of machines has a line in each direction, set on its own.
//
// It knows nothing of what passes: IPv4 packets by their destination, counted.
// It imports clock and nothing else of ours.
package router
