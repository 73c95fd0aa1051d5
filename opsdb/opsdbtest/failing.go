package opsdbtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func testFailures(t *testing.T, open Open) {
	for _, c := range []struct {
		class  opsdb.FailureClass
		counts bool
		state  opsdb.TaskState
		tries  int
	}{
		{opsdb.Transient, true, opsdb.TaskPending, 1},
		{opsdb.Transient, false, opsdb.TaskPending, 0},
		{opsdb.Environment, false, opsdb.TaskPending, 0},
		{opsdb.BadData, true, opsdb.TaskPending, 1},
		{opsdb.BadConfig, true, opsdb.TaskFailed, 1},
		{opsdb.Permanent, true, opsdb.TaskFailed, 1},
	} {
		t.Run(fmt.Sprintf("%s, counts: %v", c.class, c.counts), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, open)
			p := d.packed(1)
			a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
			next := d.clock.Now().Add(time.Minute)
			for range 2 {
				d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: c.class, Text: "why"}, next, c.counts, opsdb.Outcome{}))
			}
			got, err := d.store.Task(t.Context(), a.Task.ID)
			d.check(err)
			if got.State != c.state || got.Attempts != c.tries || got.Failure == nil || got.Failure.Class != c.class || got.Failure.Text != "why" || got.Failure.At.IsZero() {
				t.Fatalf("task %+v, failure %+v", got, got.Failure)
			}
			if len(d.facts(p.ID).Tasks) != 1 || d.copyAt(p.ID, "cologne.buffer").ID != "" {
				t.Error("the task is not shown, or holds its room")
			}
			d.balanced()
			if c.state == opsdb.TaskPending {
				d.backsOff(p, got, next)
			} else {
				d.retried(p, got)
			}
		})
	}
}

// backsOff checks that a pending task makes its package dirty when its time has come, once.
func (d *desk) backsOff(p opsdb.Package, task opsdb.Task, next time.Time) {
	d.Helper()
	if !task.NextTry.Equal(next) {
		d.Errorf("next try %s, want %s", task.NextTry, next)
	}
	d.save(d.evaluation(p))
	if at, err := d.store.NextWake(d.Context()); err != nil || !at.Equal(next) {
		d.Errorf("next wake %s, %v", at, err)
	}
	d.clock.Advance(time.Minute)
	_, err := d.store.Expire(d.Context(), d.clock.Now(), claimBy)
	d.check(err)
	if !d.dirty(p.ID) {
		d.Error("its time has come and nobody looks")
	}
	if at, err := d.store.NextWake(d.Context()); err != nil || !at.IsZero() {
		d.Errorf("next wake %s, %v", at, err)
	}
	e := d.evaluation(p)
	e.Withdraw = []opsdb.ID{task.ID}
	d.save(e)
	if got, err := d.store.Task(d.Context(), task.ID); err != nil || got.State != opsdb.TaskWithdrawn {
		d.Errorf("withdrawn task is %s, %v", got.State, err)
	}
}

// retried checks that a person may have a failed task tried again.
func (d *desk) retried(p opsdb.Package, task opsdb.Task) {
	d.Helper()
	d.save(d.evaluation(p))
	for range 2 {
		d.check(d.store.Retry(d.Context(), task.ID, "ada", "mended"))
	}
	if !d.dirty(p.ID) || len(d.facts(p.ID).Tasks) != 0 {
		d.Error("retry did not let the package go on")
	}
	if n := d.events(opsdb.EventTaskRetried); n != 1 {
		d.Errorf("%d events", n)
	}
}

func testDownAndUp(t *testing.T, open Open) {
	d := newDesk(t, open)
	waits := d.packed(1)
	e := d.evaluation(waits)
	e.Causes = []string{"location:cologne.buffer"}
	d.save(e)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	full := opsdb.Failure{Class: opsdb.Environment, Subject: "location:cologne.buffer", Reason: "full", Text: "no space left"}
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, full, d.clock.Now().Add(time.Hour), false, opsdb.Outcome{}))
	w, err := d.store.World(t.Context())
	d.check(err)
	if down := w.Locations["cologne.buffer"].Down; down == nil || down.Reason != "full" || down.Text != "no space left" || !down.Since.Equal(d.clock.Now()) {
		t.Fatalf("down %+v", down)
	}
	d.save(d.evaluation(p))
	report := opsdb.LocationReport{Location: "cologne.buffer", Free: 10, Total: 20}
	d.check(d.store.Report(t.Context(), report))
	if w, err = d.store.World(t.Context()); err != nil || w.Locations["cologne.buffer"].Down != nil || w.Locations["cologne.buffer"].Free != 10 {
		t.Fatalf("after the report %+v, %v", w.Locations["cologne.buffer"], err)
	}
	if !d.dirty(waits.ID) || !d.dirty(p.ID) {
		t.Error("who waited for the place was not woken")
	}
	if got, err := d.store.Task(t.Context(), a.Task.ID); err != nil || !got.NextTry.IsZero() {
		t.Errorf("the task still waits until %s, %v", got.NextTry, err)
	}
	report.Down = &opsdb.Down{Reason: "offline", Text: "no marker"}
	d.check(d.store.Report(t.Context(), report))
	// What a worker reports does not come up by time, nor by a task.
	d.clock.Advance(time.Hour)
	_, err = d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	d.bring(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	if w, err = d.store.World(t.Context()); err != nil || w.Locations["cologne.buffer"].Down == nil || w.Locations["cologne.buffer"].Down.Reason != "offline" {
		t.Fatalf("place %+v, %v", w.Locations["cologne.buffer"], err)
	}
}

func testVerify(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.archived(1)
	d.check(d.store.WantVerify(t.Context(), p.ID, "cologne.lta", "ada"))
	if c := d.copyAt(p.ID, "cologne.lta"); !c.VerifyAsked.Equal(d.clock.Now()) || !d.copyAt(p.ID, "cornell.lta").VerifyAsked.IsZero() {
		t.Fatalf("asked %+v", c)
	}
	d.advance(time.Hour)
	a := d.claim(d.schedule(p, "scrub", "verify", "cologne.lta", "cologne.lta").ID)
	if a.Task.Path != "raw/obs/p.tar" || a.Target.Location != "cologne.lta" {
		t.Fatalf("assignment %+v", a)
	}
	d.finish(a, opsdb.Outcome{Receipts: []opsdb.Receipt{reading(a, tarDigest, 500)}})
	if c := d.copyAt(p.ID, "cologne.lta"); !c.VerifyAsked.IsZero() || !c.VerifiedAt.Equal(d.clock.Now()) || !c.Receipt.At.Equal(d.clock.Now()) {
		t.Fatalf("verified %+v", c)
	}
	b := d.claim(d.schedule(p, "scrub", "verify", "cologne.lta", "cologne.lta").ID)
	target := d.copyAt(p.ID, "cologne.lta")
	d.finish(b, opsdb.Outcome{Receipts: []opsdb.Receipt{reading(b, "ffff", 500)}, Corrupt: &opsdb.Corrupt{Copy: target.ID, Reason: "one byte differs"}})
	c := d.copyAt(p.ID, "cologne.lta")
	if c.State != opsdb.Quarantined || c.Before != opsdb.Present || c.Reason != "one byte differs" || c.Path != "raw/obs/p.tar" {
		t.Fatalf("quarantined %+v", c)
	}
	// Its name is taken, its place is not: a repair is written beside it.
	m := d.save(d.evaluation(p, d.move(p, "archive", "archive", "cologne.buffer", "cologne.lta")))[0]
	g := grant(m)
	g.Path = "raw/obs/p.r1.tar"
	r := d.claim(d.try(g).Task.ID)
	d.finish(r, good(r, opsdb.Present))
	if n := len(d.facts(p.ID).Copies); n != 7 {
		t.Errorf("%d copies", n)
	}
	d.balanced()
}

func testCorruptSource(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	d.finish(a, opsdb.Outcome{Corrupt: &opsdb.Corrupt{Copy: a.Source.ID, Reason: "read wrong twice", MovedTo: ".quarantine/p.tar"}})
	if c := d.copyAt(p.ID, "ccat.buffer"); c.State != opsdb.Quarantined || c.Path != ".quarantine/p.tar" {
		t.Fatalf("source %+v", c)
	}
	if d.copyAt(p.ID, "cologne.buffer").ID != "" {
		t.Error("nothing arrived, and it holds room")
	}
	// The package is packed again from its files (its digest is known).
	d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer")
	d.balanced()
}

func testRestart(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	d.check(d.store.RevokeLeases(t.Context()))
	tasks, err := d.store.Unclaimed(t.Context())
	d.check(err)
	if len(tasks) != 1 || tasks[0].Token != a.Task.Token {
		t.Fatalf("unclaimed %+v", tasks)
	}
	if b := d.claim(a.Task.ID); b.Task.Token != a.Task.Token+1 {
		t.Fatalf("claimed %+v", b.Task)
	}
	d.balanced()
}
