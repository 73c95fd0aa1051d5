// Package postgres is the OpsDB of production: an opsdb.Store on PostgreSQL,
// for many engines, workers and interfaces at once.
//
// It decides nothing about routes. Whoever changes facts of a package first
// takes the lock on it, in the order groups, files, packages, places, slots,
// each by its key, and reads under it (docs/adr/0016); counters are sums of
// what transactions add, so that nobody waits for one.
//
// What every store does alike is in opsdb/tables. It may import that, opsdb, clock and effect.
package postgres
