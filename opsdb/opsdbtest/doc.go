// Package opsdbtest is the conformance suite of a store: what the comments of
// package opsdb promise, tried through the front door. Every adapter runs it:
//
//	func TestConformance(t *testing.T) {
//		opsdbtest.Run(t, func(t *testing.T, c clock.Clock) opsdb.Store { return open(t, c) })
//	}
//
// It knows no SQL. It may import opsdb and clock.
package opsdbtest

import (
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// Open makes an empty store on the given clock; the test's cleanup closes it.
type Open func(t *testing.T, c clock.Clock) opsdb.Store

// Run holds a store against the contract.
func Run(t *testing.T, open Open) {
	for _, part := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"way", testWay},
		{"filing", testFiling},
		{"planning", testPlanning},
		{"dispatch", testDispatch},
		{"lanes", testLanes},
		{"breakers", testBreakers},
		{"capacity", testCapacity},
		{"pressure", testPressure},
		{"working", testWorking},
		{"deletion", testDeletion},
		{"two routes", testPeers},
		{"safety", testSafety},
		{"moved aside", testMovedAside},
		{"events", testEvents},
		{"time", testTime},
		{"restored", testRestored},
		{"orders", testOrders},
		{"revisions", testRevisions},
		{"reading", testReading},
		{"lives", testLives},
		{"counters", testCounters},
		{"bulk", testBulk},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, open)
		})
	}
}
