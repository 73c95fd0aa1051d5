package opsdbtest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func testDispatch(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"task":          testDispatchedTask,
		"refusals":      testRefusals,
		"room":          testRoom,
		"freed room":    testFreedRoom,
		"last slot":     testLastSlot,
		"queue":         testQueue,
		"claim expires": testClaimExpires,
		"again":         testDispatchAgain,
		"one of two":    testTwoGrants,
		"batch":         testBatch,
		"waits":         testWaits,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

func testDispatchedTask(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	task := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	if task.State != opsdb.TaskScheduled || task.Piece != opsdb.Send || task.Site() != "ccat" || task.Token != 0 || task.Destination != "cologne.buffer" ||
		!task.LeaseUntil.Equal(d.clock.Now().Add(claimBy)) || task.Epoch == "" || task.Revision != d.rev || task.Path != "raw/obs/p.tar" {
		t.Fatalf("task %+v", task)
	}
	c := d.copyAt(p.ID, "cologne.buffer")
	if c.State != opsdb.Expected || c.ID != task.TargetCopy || c.Size != 500 || c.Form != opsdb.Tar || c.Path != task.Path {
		t.Fatalf("target %+v", c)
	}
	w, err := d.store.World(t.Context())
	d.check(err)
	if w.Links["ccat>cologne"].InUse != 1 || w.Locations["cologne.buffer"].Reserved != 500 {
		t.Fatalf("slot and room: %+v %+v", w.Links["ccat>cologne"], w.Locations["cologne.buffer"])
	}
	unclaimed, err := d.store.Unclaimed(t.Context())
	d.check(err)
	if len(unclaimed) != 1 || unclaimed[0].ID != task.ID {
		t.Fatalf("unclaimed %v", unclaimed)
	}
}

func testRefusals(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	m := d.save(d.evaluation(p, d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")))[0]
	out, err := d.store.Dispatch(t.Context(), d.rev+1, []opsdb.Grant{grant(m)})
	d.check(err)
	if out[0].Refusal != opsdb.OldRevision {
		t.Errorf("another revision: %q", out[0].Refusal)
	}
	stale := m
	stale.Version--
	if out := d.try(grant(stale)); out.Refusal != opsdb.StaleFacts {
		t.Errorf("stale: %q", out.Refusal)
	}
	full := grant(m)
	full.Slots = map[string]int{"link:ccat>cologne": 0}
	if out := d.try(full); out.Refusal != opsdb.NoSlot || out.Text == "" {
		t.Errorf("no slot: %+v", out)
	}
	if out := d.try(grant(m)); out.Refusal != opsdb.Granted {
		t.Fatalf("refused: %+v", out)
	}
	if out := d.try(grant(m)); out.Refusal != opsdb.StaleFacts {
		t.Errorf("twice: %q", out.Refusal)
	}
	again := d.save(d.evaluation(p, d.move(p, "replicate", "transfer", "ccat.buffer", "cologne.buffer")))[0]
	if out := d.try(grant(again)); out.Refusal != opsdb.OtherTask {
		t.Errorf("another stage to the same place: %q", out.Refusal)
	}
	d.balanced()
}

func testRoom(t *testing.T, open Open) {
	d := newDesk(t, open)
	a, b := d.packed(1), d.packed(1)
	first := grant(d.save(d.evaluation(a, d.move(a, "ship", "transfer", "ccat.buffer", "cologne.buffer")))[0])
	second := grant(d.save(d.evaluation(b, d.move(b, "ship", "transfer", "ccat.buffer", "cologne.buffer")))[0])
	first.Room, second.Room = 999, 999
	if out := d.try(first); out.Refusal != opsdb.Granted {
		t.Fatalf("refused: %+v", out)
	}
	if out := d.try(second); out.Refusal != opsdb.NoRoom {
		t.Fatalf("over the limit: %+v", out)
	}
	second.Room, second.Backfill, second.Move.Class = 1000, 499, opsdb.Backfill
	if out := d.try(second); out.Refusal != opsdb.NoRoom {
		t.Fatalf("over the share of back-fill: %+v", out)
	}
	second.Backfill = 500
	if out := d.try(second); out.Refusal != opsdb.Granted {
		t.Fatalf("exactly full: %+v", out)
	}
	d.balanced()
}

// Two engines ask for the last slot at the same time: one gets it (E4).
func testLastSlot(t *testing.T, open Open) {
	d := newDesk(t, open)
	const engines = 8
	grants := make([]opsdb.Grant, engines)
	for i := range grants {
		p := d.packed(1)
		grants[i] = grant(d.save(d.evaluation(p, d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")))[0])
		grants[i].Slots = map[string]int{"link:ccat>cologne": 1}
	}
	var wait sync.WaitGroup
	got, errs := make([]opsdb.Refusal, engines), make([]error, engines)
	for i := range grants {
		wait.Add(1)
		go func() {
			defer wait.Done()
			out, err := d.store.Dispatch(t.Context(), d.rev, grants[i:i+1])
			if errs[i] = err; err == nil {
				got[i] = out[0].Refusal
			}
		}()
	}
	wait.Wait()
	granted := 0
	for i := range grants {
		d.check(errs[i])
		if got[i] == opsdb.Granted {
			granted++
		} else if got[i] != opsdb.NoSlot {
			t.Errorf("engine %d: %q", i, got[i])
		}
	}
	if granted != 1 {
		t.Fatalf("%d engines took the last slot", granted)
	}
	d.balanced()
}

func testQueue(t *testing.T, open Open) {
	d := newDesk(t, open)
	type order struct {
		class    opsdb.Class
		priority int
	}
	orders := []order{{opsdb.Backfill, 9}, {opsdb.Fresh, 0}, {opsdb.Repair, 0}, {opsdb.Fresh, 5}, {opsdb.Request, 0}, {opsdb.Fresh, 0}}
	byOrder := map[int]opsdb.OpenMove{}
	for i, o := range orders {
		p := d.packed(1)
		m := d.move(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
		m.Class, m.Priority = o.class, o.priority
		byOrder[i] = d.save(d.evaluation(p, m))[0]
		d.clock.Advance(time.Second)
	}
	refused := byOrder[3]
	refused.Reason, refused.Text = "slot", "none is free"
	d.check(d.store.Waiting(t.Context(), []opsdb.OpenMove{refused}))
	ready, err := d.store.Ready(t.Context(), 0)
	d.check(err)
	var got []string
	for _, m := range ready {
		got = append(got, fmt.Sprint(m.Number, " ", m.Verdict))
	}
	want := []string{"4 waiting", "2 ready", "6 ready", "3 ready", "5 ready", "1 ready"}
	if !slices.Equal(got, want) {
		t.Fatalf("queue %v, want %v", got, want)
	}
	if ready[0].Reason != "slot" || ready[0].Text != "none is free" || ready[0].Since.IsZero() {
		t.Errorf("refused %+v", ready[0])
	}
	d.balanced()
}

func testClaimExpires(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	task := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	for looks := 0; d.clock.Now().Before(task.LeaseUntil); looks++ {
		next, err := d.store.NextWake(t.Context())
		if d.check(err); looks == 3 || !next.After(d.clock.Now()) || next.After(task.LeaseUntil) {
			t.Fatalf("at %s, after %d looks, the next wake is %s; the task is to be claimed by %s", d.clock.Now(), looks, next, task.LeaseUntil)
		}
		if got, err := d.store.Task(t.Context(), task.ID); err != nil || got.State != opsdb.TaskScheduled {
			t.Fatalf("before its deadline the task is %s, %v", got.State, err)
		}
		if d.clock.Advance(next.Sub(d.clock.Now())); next.Before(task.LeaseUntil) {
			_, err := d.store.Expire(t.Context(), next, claimBy)
			d.check(err)
		}
	}
	again, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	if len(again) != 0 {
		t.Errorf("brought again: %v", again)
	}
	if got, err := d.store.Task(t.Context(), task.ID); err != nil || got.State != opsdb.TaskWithdrawn {
		t.Fatalf("unclaimed task is %s, %v", got.State, err)
	}
	if !d.dirty(p.ID) || d.copyAt(p.ID, "cologne.buffer").ID != "" {
		t.Error("room and package were not let go")
	}
	d.balanced()
}

// A task that backed off is scheduled again with its attempts.
func testDispatchAgain(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "broken pipe"}, d.clock.Now().Add(time.Minute), true, opsdb.Outcome{}))
	d.balanced()
	second := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	if second.ID != a.Task.ID || second.Attempts != 1 || second.Token != a.Task.Token || second.Failure == nil || second.Failure.Text != "broken pipe" {
		t.Fatalf("again %+v", second)
	}
	if b := d.claim(second.ID); b.Task.Token != a.Task.Token+1 || b.Target == nil || b.Target.State != opsdb.Expected {
		t.Fatalf("claimed again %+v", b)
	}
	d.balanced()
}

// Moves of one package to different places may be granted together.
func testTwoGrants(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	d.bring(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	moves := d.save(d.evaluation(p, d.move(p, "archive", "archive", "cologne.buffer", "cologne.lta"), d.move(p, "replicate", "transfer", "cologne.buffer", "cornell.buffer")))
	out, err := d.store.Dispatch(t.Context(), d.rev, []opsdb.Grant{grant(moves[0]), grant(moves[1]), grant(moves[1])})
	d.check(err)
	if out[0].Refusal != opsdb.Granted || out[1].Refusal != opsdb.Granted || out[2].Refusal != opsdb.OtherTask {
		t.Fatalf("%q %q %q", out[0].Refusal, out[1].Refusal, out[2].Refusal)
	}
	d.balanced()
}
