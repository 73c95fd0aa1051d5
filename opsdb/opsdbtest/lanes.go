package opsdbtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// testLanes: what stands in one lane hides nothing in another (E6), nor who
// may use the reserve of a place.
func testLanes(t *testing.T, open Open) {
	d := newDesk(t, open)
	put := func(priority int, class opsdb.Class, left bool, to string) {
		p := d.packed(1)
		m := d.move(p, "ship", "transfer", "ccat.buffer", to)
		m.Priority, m.Class, m.Left = priority, class, left
		d.save(d.evaluation(p, m))
		d.clock.Advance(time.Second)
	}
	put(0, opsdb.Fresh, true, "cologne.buffer") // 1: the lowest that has left, at the end of its lane
	for range 4 {
		put(5, opsdb.Fresh, true, "cologne.buffer") // 2 to 5
	}
	put(0, opsdb.Backfill, false, "cologne.buffer") // 6: another class
	put(0, opsdb.Fresh, false, "cornell.buffer")    // 7: another place
	for limit, want := range map[int][]int64{0: {2, 3, 4, 5, 1, 7, 6}, 2: {2, 3, 1, 7, 6}, 5: {2, 3, 4, 5, 1, 7, 6}} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			ready, err := d.store.Ready(t.Context(), limit)
			d.check(err)
			var got []int64
			for _, m := range ready {
				got = append(got, m.Number)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}
