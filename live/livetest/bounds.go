package livetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/live"
)

func blobs(t *testing.T, w World) {
	if _, _, err := w.There.Get(t.Context(), "status"); !errors.Is(err, live.ErrNone) {
		t.Errorf("a blob that never was gives %v", err)
	}
	data := []byte("first\x00")
	w.Here.Put("status", data)
	w.Here.Put("other", []byte("o"))
	data[0] = 'X' // the caller may use it again
	get := func(name string) string {
		got, age, err := w.There.Get(t.Context(), name)
		if err != nil && !errors.Is(err, live.ErrNone) {
			t.Fatalf("get: %v", err)
		}
		if age < 0 || age > patience {
			t.Errorf("it is %s old", age)
		}
		return string(got)
	}
	until(t, "the blob is there", func() bool { return get("status") != "" })
	if got := get("status"); got != "first\x00" {
		t.Errorf("it is %q", got)
	}
	until(t, "its age grows", func() bool {
		_, age, err := w.There.Get(t.Context(), "status")
		return err == nil && age > time.Second
	})
	put := time.Now()
	w.Here.Put("status", []byte("second"))
	until(t, "it is replaced", func() bool { return get("status") == "second" })
	if _, age, err := w.There.Get(t.Context(), "status"); err != nil || age > time.Since(put)+500*time.Millisecond {
		t.Errorf("replaced %s ago, it is %s old, %v", time.Since(put), age, err)
	}
	got, _, err := w.There.Get(t.Context(), "status")
	if err != nil {
		t.Fatal(err)
	}
	got[0] = 'X'
	if again := get("status"); again != "second" {
		t.Errorf("a reader changed it to %q", again)
	}
}

func blobsExpire(t *testing.T, w World) {
	kept := func() bool { _, _, err := w.There.Get(t.Context(), "status"); return err == nil }
	until(t, "the blob is there", func() bool {
		w.Here.Put("status", []byte("x"))
		return kept()
	})
	until(t, "it is forgotten", func() bool { return !kept() })
}

func tooLarge(t *testing.T, w World) {
	s := w.Here.Subscribe(10)
	before := w.Here.Health().Dropped
	w.Here.Publish(live.Event{Kind: "large", Text: strings.Repeat("x", live.MaxEvent)})
	w.Here.Publish(live.Event{Kind: "small"})
	w.Here.Put("large", make([]byte, live.MaxBlob+1))
	w.Here.Put("small", []byte("s"))
	if got := next(t, s); got.Kind != "small" {
		t.Errorf("the large event came through, or stopped the small one: %+v", got.Kind)
	}
	until(t, "the small blob is there", func() bool { _, _, err := w.There.Get(t.Context(), "small"); return err == nil })
	if _, _, err := w.There.Get(t.Context(), "large"); !errors.Is(err, live.ErrNone) {
		t.Errorf("the large blob gives %v", err)
	}
	if n := w.Here.Health().Dropped - before; n != 2 {
		t.Errorf("%d drops are counted, not 2", n)
	}
}

// nothingWaits: writers are never held up, by readers, subscribers or each other.
func nothingWaits(t *testing.T, w World) {
	idle := w.Here.Subscribe(8) // never reads
	defer idle.Close()
	done := make(chan struct{})
	const each, writers = 500, 4
	for n := range writers {
		go func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", n, i%10)
				w.Here.Tell(live.Task{ID: id, Done: int64(i)})
				w.Here.Publish(live.Event{Kind: "k", Subject: id})
				w.Here.Present(live.Worker{ID: id})
				w.Here.Put(id, []byte(id))
				w.Here.Health()
			}
			done <- struct{}{}
		}()
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for range writers {
		select {
		case <-done:
		case <-limit.C:
			t.Fatalf("%d writes are not through after %s", writers*each*4, patience)
		}
	}
	until(t, "the last word of each", func() bool {
		got := tasks(t, w.There)
		for _, k := range got {
			if k.Done < each-10 {
				return false
			}
		}
		return len(got) == writers*10
	})
	if got := next(t, idle); got.Missed != writers*each-8 {
		t.Errorf("of %d events with a buffer of 8, %d are said to be lost", writers*each, got.Missed)
	}
}

func cancelled(t *testing.T, w World) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, errWorkers := w.Here.Workers(ctx)
	_, errTasks := w.Here.Tasks(ctx)
	_, _, errGet := w.Here.Get(ctx, "x")
	for what, err := range map[string]error{"workers": errWorkers, "tasks": errTasks, "get": errGet} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled, gives %v", what, err)
		}
	}
	if h := w.Here.Health(); h.Away {
		t.Errorf("a cancelled reader makes it look away: %+v", h)
	}
}

func closed(t *testing.T, w World) {
	s := w.Here.Subscribe(1)
	if err := w.Here.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := w.Here.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
	if _, err := s.Next(t.Context()); !errors.Is(err, live.ErrClosed) {
		t.Errorf("a subscription outlives its live state: %v", err)
	}
	if _, err := w.Here.Subscribe(1).Next(t.Context()); !errors.Is(err, live.ErrClosed) {
		t.Errorf("a subscription begins after the end: %v", err)
	}
	w.Here.Present(live.Worker{ID: "late"})
	w.Here.Absent("late")
	w.Here.Tell(live.Task{ID: "late"})
	w.Here.Ended("late")
	w.Here.Publish(live.Event{Kind: "late"})
	w.Here.Put("late", nil)
}
