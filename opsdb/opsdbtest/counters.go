package opsdbtest

import (
	"maps"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// all is a limit above everything the tests make.
const all = 1 << 20

// balanced recomputes every counter from the rows.
func (d *desk) balanced() {
	d.Helper()
	totals, err := d.store.Totals(d.Context())
	d.check(err)
	w, err := d.store.World(d.Context())
	d.check(err)
	facts, err := d.store.Packages(d.Context(), opsdb.Query{Limit: all})
	d.check(err)
	d.balancedFiles(totals)
	d.balancedCopies(totals, w, facts)
	d.balancedMoves(totals, w, facts)
	d.balancedTasks(totals, w)
	d.balancedBehind(totals, w, facts)
}

func (d *desk) balancedFiles(totals opsdb.Totals) {
	d.Helper()
	files, err := d.store.Files(d.Context(), opsdb.Query{Limit: all})
	d.check(err)
	sums := map[opsdb.CopyState]opsdb.Sum{}
	var unrouted opsdb.Sum
	for _, f := range files {
		sums[f.State] = opsdb.Sum{Count: sums[f.State].Count + 1, Bytes: sums[f.State].Bytes + f.Size}
		groups, packages, err := d.store.FileHome(d.Context(), f.ID)
		d.check(err)
		if f.State == opsdb.Present && len(groups)+len(packages) == 0 {
			unrouted = opsdb.Sum{Count: unrouted.Count + 1, Bytes: unrouted.Bytes + f.Size}
		}
	}
	got := maps.Clone(totals.Files["ccat.primecam"])
	maps.DeleteFunc(got, func(_ opsdb.CopyState, s opsdb.Sum) bool { return s.Count == 0 })
	if !maps.Equal(got, sums) {
		d.Errorf("files: counted %v, they are %v", got, sums)
	}
	if totals.Unrouted != unrouted {
		d.Errorf("unrouted: counted %v, they are %v", totals.Unrouted, unrouted)
	}
}

func (d *desk) balancedCopies(totals opsdb.Totals, w opsdb.World, facts []opsdb.Facts) {
	d.Helper()
	type room struct{ used, reserved, backfill int64 }
	rooms, counts := map[string]room{}, map[string]map[opsdb.CopyState]int{}
	for _, f := range facts {
		for _, c := range f.Copies {
			if counts[c.Location] == nil {
				counts[c.Location] = map[opsdb.CopyState]int{}
			}
			counts[c.Location][c.State]++
			r := rooms[c.Location]
			if c.State == opsdb.Expected {
				r.reserved += c.Size
			} else if c.Form != opsdb.Files && c.State != opsdb.Lost {
				r.used += c.Size
			}
			if c.Backfill && c.State != opsdb.Lost {
				r.backfill += c.Size
			}
			rooms[c.Location] = r
		}
	}
	for name, l := range w.Locations {
		if l.Type == opsdb.Source {
			continue // counted by its files
		}
		if got := (room{l.Used, l.Reserved, l.Backfill}); got != rooms[name] {
			d.Errorf("room of %s: counted %+v, it is %+v", name, got, rooms[name])
		}
	}
	for place, states := range totals.Copies {
		for state, sum := range states {
			if state != opsdb.Deleted && sum.Count != counts[place][state] {
				d.Errorf("copies at %s %s: counted %d, they are %d", place, state, sum.Count, counts[place][state])
			}
		}
	}
}

func (d *desk) balancedMoves(totals opsdb.Totals, w opsdb.World, facts []opsdb.Facts) {
	d.Helper()
	backlog, verdicts, packages := map[string]int64{}, map[string]int{}, 0
	for _, f := range facts {
		for _, m := range f.Moves {
			backlog[m.Link] += m.Bytes
			verdicts[m.Verdict+m.Reason]++
		}
	}
	for name, l := range w.Links {
		if l.Backlog != backlog[name] {
			d.Errorf("backlog of %s: counted %d, it is %d", name, l.Backlog, backlog[name])
		}
	}
	for verdict, reasons := range totals.Moves {
		for reason, n := range reasons {
			if n != verdicts[verdict+reason] {
				d.Errorf("moves %s %s: counted %d, they are %d", verdict, reason, n, verdicts[verdict+reason])
			}
		}
	}
	for _, n := range totals.Packages {
		packages += n
	}
	if packages != len(facts) {
		d.Errorf("counted %d packages, they are %d", packages, len(facts))
	}
}

func (d *desk) balancedTasks(totals opsdb.Totals, w opsdb.World) {
	d.Helper()
	tasks, err := d.store.Tasks(d.Context(), opsdb.Query{Limit: all})
	d.check(err)
	states, slots := map[opsdb.TaskState]int{}, map[string]int{}
	for _, t := range tasks {
		states[t.State]++
		if t.Link != "" && t.Piece == opsdb.Send && (t.State == opsdb.TaskScheduled || t.State == opsdb.TaskInProgress) {
			slots[t.Link]++
		}
	}
	if !maps.Equal(totals.Tasks, states) {
		d.Errorf("tasks: counted %v, they are %v", totals.Tasks, states)
	}
	for name, l := range w.Links {
		if l.InUse != slots[name] {
			d.Errorf("slots of %s: counted %d, they are %d", name, l.InUse, slots[name])
		}
	}
}

// testCounters goes through a mixed life and recomputes everything at each step.
func testCounters(t *testing.T, open Open) {
	d := newDesk(t, open)
	d.file(2)
	d.balanced()
	p := d.archived(2)
	d.balanced()
	d.condemn(p, "ccat.buffer")
	d.balanced()
	d.advance(2 * time.Hour)
	out := d.remove(p, "ccat.buffer")
	d.balanced()
	a := d.claim(out.Task.ID)
	_, err := d.store.Confirm(t.Context(), a.Task.ID, a.Task.Token)
	d.check(err)
	d.finish(a, opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Deleted}})
	d.balanced()
	if d.copyAt(p.ID, "ccat.buffer").ID != "" {
		t.Error("a deleted copy is among the facts")
	}
	q := d.packed(1)
	m := d.move(q, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	m.Class = opsdb.Backfill
	b := d.claim(d.try(grant(d.save(d.evaluation(q, m))[0])).Task.ID)
	d.balanced()
	if w, err := d.store.World(t.Context()); err != nil || w.Locations["cologne.buffer"].Backfill != 500 || w.Locations["cologne.buffer"].Reserved != 500 {
		t.Errorf("back-fill: %+v, %v", w.Locations["cologne.buffer"], err)
	}
	d.finish(b, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 480}})
	d.balanced()
	lost := d.copyAt(p.ID, "cornell.buffer")
	v := d.claim(d.schedule(p, "scrub", "verify", "cornell.buffer", "cornell.buffer").ID)
	d.finish(v, opsdb.Outcome{Corrupt: &opsdb.Corrupt{Copy: lost.ID, Reason: "not there", Lost: true}})
	d.balanced()
}
