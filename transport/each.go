package transport

import "sync"

// mostAtOnce is how many items of a call are prepared at once.
const mostAtOnce = 8

// Each does something for each of n items, some at once: over a long way every question to the other end takes its time.
func Each(n int, do func(i int)) {
	var wait sync.WaitGroup
	places := make(chan struct{}, mostAtOnce)
	for i := range n {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			do(i)
		})
	}
	wait.Wait()
}
