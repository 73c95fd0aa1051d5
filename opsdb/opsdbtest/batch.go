package opsdbtest

import (
	"sync"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

func testBatch(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"one slot":        testBatchSlot,
		"left at once":    testBatchLeftAtOnce,
		"killed worker":   testBatchOfADeadWorker,
		"never claimed":   testBatchUnclaimed,
		"tried by itself": testBatchedTaskFails,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// batch dispatches n packages that are sent together.
func (d *desk) batch(n int) []opsdb.Task {
	d.Helper()
	grants := make([]opsdb.Grant, n)
	batch := opsdb.NewID()
	for i := range grants {
		p := d.packed(1)
		grants[i] = grant(d.save(d.evaluation(p, d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")))[0])
		grants[i].Batch, grants[i].Slots = batch, map[string]int{"link:ccat>cologne": 1, "site:ccat": 1}
	}
	out, err := d.store.Dispatch(d.Context(), d.rev, grants)
	d.check(err)
	tasks := make([]opsdb.Task, n)
	for i, o := range out {
		if o.Refusal != opsdb.Granted || o.Task.Batch != batch {
			d.Fatalf("%d of the batch: %+v", i, o)
		}
		tasks[i] = o.Task
	}
	return tasks
}

// inUse are the slots taken of the link, of the site that sends and of the one that receives.
func (d *desk) inUse() [3]int {
	d.Helper()
	w, err := d.store.World(d.Context())
	d.check(err)
	return [3]int{w.Links["ccat>cologne"].InUse, w.Sites["ccat"].InUse, w.Sites["cologne"].InUse}
}

func (d *desk) wantInUse(when string, want [3]int) {
	d.Helper()
	if got := d.inUse(); got != want {
		d.Errorf("%s: slots of link, sender and receiver %v, want %v", when, got, want)
	}
}

func sent() opsdb.Outcome {
	return opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 500}}
}

// A batch takes one slot, and gives it back when its last task has left send.
func testBatchSlot(t *testing.T, open Open) {
	d := newDesk(t, open)
	tasks := d.batch(3)
	d.wantInUse("dispatched", [3]int{1, 1, 0})
	if offers := opsdb.Offers(tasks); len(offers) != 1 || offers[0].ID != tasks[0].ID {
		t.Errorf("offered: %v", offers)
	}
	fellows, err := d.store.Fellows(t.Context(), tasks[1].ID)
	d.check(err)
	if len(fellows) != 3 {
		t.Fatalf("fellows %v", fellows)
	}
	claimed := make([]opsdb.Assignment, len(tasks))
	for i, task := range tasks {
		claimed[i] = d.claim(task.ID)
	}
	if fellows, err = d.store.Fellows(t.Context(), tasks[1].ID); err != nil || len(fellows) != 0 {
		t.Errorf("fellows of who is claimed: %v, %v", fellows, err)
	}
	next := d.finish(claimed[0], sent())
	d.wantInUse("one has arrived", [3]int{1, 1, 1})
	d.check(d.store.Fail(t.Context(), claimed[1].Task.ID, claimed[1].Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "no"}, d.clock.Now(), true, opsdb.Outcome{}))
	d.wantInUse("one has failed", [3]int{1, 1, 1})
	other := d.finish(claimed[2], sent())
	d.wantInUse("all have left", [3]int{0, 0, 2})
	for _, task := range []opsdb.Task{next, other} {
		if task.Batched() {
			t.Errorf("%s is received by itself, and still in its batch", task.ID)
		}
		a := d.claim(task.ID)
		d.finish(a, good(a, opsdb.Present))
	}
	d.wantInUse("received", [3]int{0, 0, 0})
	d.balanced()
}

// Of all that leave at the same time one is the last.
func testBatchLeftAtOnce(t *testing.T, open Open) {
	d := newDesk(t, open)
	tasks := d.batch(8)
	var wait sync.WaitGroup
	errs := make([]error, len(tasks))
	for i, task := range tasks {
		a := d.claim(task.ID)
		wait.Go(func() { _, errs[i] = d.store.Finish(t.Context(), a.Task.ID, a.Task.Token, sent()) })
	}
	wait.Wait()
	for _, err := range errs {
		d.check(err)
	}
	d.wantInUse("all have left", [3]int{0, 0, 8})
	d.balanced()
}

// What a dead worker left is offered once, and holds its slot.
func testBatchOfADeadWorker(t *testing.T, open Open) {
	d := newDesk(t, open)
	tasks := d.batch(3)
	d.finish(d.claim(tasks[0].ID), sent())
	d.claim(tasks[1].ID)
	d.claim(tasks[2].ID)
	d.clock.Advance(2 * lease)
	again, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	late := 0
	for _, task := range again {
		if task.Batched() {
			late++
		}
	}
	if late != 2 {
		t.Fatalf("claimable again: %v", again)
	}
	fellows, err := d.store.Fellows(t.Context(), tasks[1].ID)
	d.check(err)
	if len(fellows) != 2 || d.inUse()[0] != 1 {
		t.Fatalf("fellows %v, slots %v", fellows, d.inUse())
	}
	for _, id := range fellows {
		d.finish(d.claim(id), sent())
	}
	if d.inUse()[0] != 0 {
		t.Errorf("slots %v", d.inUse())
	}
	d.balanced()
}

func testBatchUnclaimed(t *testing.T, open Open) {
	d := newDesk(t, open)
	tasks := d.batch(2)
	d.clock.Advance(2 * claimBy)
	_, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	for _, task := range tasks {
		if now, err := d.store.Task(t.Context(), task.ID); err != nil || now.State != opsdb.TaskWithdrawn {
			t.Errorf("%+v, %v", now, err)
		}
	}
	d.wantInUse("withdrawn", [3]int{0, 0, 0})
	d.balanced()
}

// A task that failed goes again alone, without its batch.
func testBatchedTaskFails(t *testing.T, open Open) {
	d := newDesk(t, open)
	tasks := d.batch(2)
	a := d.claim(tasks[0].ID)
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "no"}, d.clock.Now(), true, opsdb.Outcome{}))
	again := d.schedule(a.Package, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	if again.ID != a.Task.ID || again.Batch != "" {
		t.Errorf("again: %+v", again)
	}
	if d.inUse()[0] != 2 {
		t.Errorf("slots %v: one is the batch's, one its own", d.inUse())
	}
	d.balanced()
}
