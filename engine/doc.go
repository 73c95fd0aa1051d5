// Package engine holds the compiled routes against the facts in OpsDB and
// says what is to be done: Snapshot, Evaluate, Dispatch, and again.
//
// [Evaluate] is pure: the same graph, snapshot and time give the same
// results, in production, in `dtctl plan` and `why`, in route tests and in the
// simulator. [Arrange] orders what is ready and shares out room and slots, just
// as purely. [Engine] is the loop around both; it is the only part that
// talks to the store.
//
// The engine moves no bytes and knows no transport or storage. It imports
// engine/{graph,expr} and opsdb, besides clock and effect.
package engine
