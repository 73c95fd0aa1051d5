// Package livetest holds every adapter of live to its promises. It imports
// live and nothing else of ours, and is for tests only.
package livetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ccatobs/cdt/live"
)

// patience is how long a hint may take to be seen.
const patience = 2 * time.Minute

// World is what an adapter is tested with.
type World struct {
	Here  live.Live // of one process
	There live.Live // of another process that shares it; Here again if there can be none
}

// How long presence, progress and blobs are kept: long where nothing may be forgotten, however busy the machine is.
const (
	long  = time.Hour
	short = 4 * time.Second
)

// Run tests an adapter. open makes a World of its own for each test, where presence, progress and blobs are kept for
// so long; what it opens it closes with the test.
func Run(t *testing.T, open func(t *testing.T, kept time.Duration) World) {
	for name, c := range map[string]struct {
		test func(*testing.T, World)
		kept time.Duration
	}{
		"presence":          {presence, long},
		"presence expires":  {presenceExpires, short},
		"progress":          {progress, long},
		"progress expires":  {progressExpires, short},
		"feed":              {feed, long},
		"slow subscriber":   {slowSubscriber, long},
		"subscriptions end": {subscriptionsEnd, long},
		"blobs":             {blobs, long},
		"blobs expire":      {blobsExpire, short},
		"too large":         {tooLarge, long},
		"nothing waits":     {nothingWaits, long},
		"cancelled readers": {cancelled, long},
		"closed":            {closed, long},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t, c.kept))
		})
	}
}

// until polls a condition: hints may take a moment to arrive.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for !met() {
		select {
		case <-look.C:
		case <-limit.C:
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

func workers(t *testing.T, l live.Live) []live.Worker {
	t.Helper()
	list, err := l.Workers(t.Context())
	if err != nil {
		t.Fatalf("read the workers: %v", err)
	}
	return list
}

func presence(t *testing.T, w World) {
	w.Here.Present(live.Worker{ID: "b", Sites: []string{"cologne"}})
	w.Here.Present(live.Worker{ID: "a", Sites: []string{"ccat", "cornell"}, Version: "1", Busy: 2})
	until(t, "two workers", func() bool { return len(workers(t, w.There)) == 2 })
	got := workers(t, w.There)
	if got[0].ID != "a" || got[1].ID != "b" {
		t.Errorf("not by ID: %+v", got)
	}
	if a := got[0]; len(a.Sites) != 2 || a.Sites[1] != "cornell" || a.Version != "1" || a.Busy != 2 || a.Age < 0 || a.Age > patience {
		t.Errorf("not what was said: %+v", a)
	}
	w.Here.Present(live.Worker{ID: "a", Busy: 3})
	until(t, "the second word replaces the first", func() bool {
		got := workers(t, w.There)
		return len(got) == 2 && got[0].Busy == 3
	})
	until(t, "the age of the other grows", func() bool { return workers(t, w.There)[1].Age > 500*time.Millisecond })
	w.Here.Absent("a")
	w.Here.Absent("never there")
	until(t, "one is absent", func() bool {
		got := workers(t, w.There)
		return len(got) == 1 && got[0].ID == "b"
	})
}

func presenceExpires(t *testing.T, w World) {
	until(t, "it is seen", func() bool {
		w.Here.Present(live.Worker{ID: "silent"})
		return len(workers(t, w.There)) == 1
	})
	again := time.NewTicker(short / 5)
	defer again.Stop()
	for range 8 { // longer than it is kept
		<-again.C
		w.Here.Present(live.Worker{ID: "renewed"})
	}
	until(t, "the silent one is forgotten, the renewed one is not", func() bool {
		got := workers(t, w.There)
		return len(got) == 1 && got[0].ID == "renewed"
	})
}

func tasks(t *testing.T, l live.Live) []live.Task {
	t.Helper()
	list, err := l.Tasks(t.Context())
	if err != nil {
		t.Fatalf("read the tasks: %v", err)
	}
	return list
}

func progress(t *testing.T, w World) {
	said := live.Task{ID: "t1", Package: "p", Route: "raw", Stage: "ship", From: "ccat.buffer", To: "cologne.buffer", Worker: "w", Phase: "send", Done: 5, Total: 1 << 40, Rate: 1.5e9}
	w.Here.Tell(live.Task{ID: "t0"})
	w.Here.Tell(said)
	until(t, "two tasks", func() bool { return len(tasks(t, w.There)) == 2 })
	got := tasks(t, w.There)[1]
	got.Age = 0
	if got != said {
		t.Errorf("%+v was said, %+v is seen", said, got)
	}
	said.Done = 6
	w.Here.Tell(said)
	until(t, "it goes on", func() bool { got := tasks(t, w.There); return len(got) == 2 && got[1].Done == 6 })
	w.Here.Ended("t0")
	w.Here.Ended("never there")
	until(t, "one ended", func() bool { return len(tasks(t, w.There)) == 1 })
	w.Here.Tell(live.Task{ID: "t0"})
	until(t, "told of again, it is there again", func() bool { return len(tasks(t, w.There)) == 2 })
}

func progressExpires(t *testing.T, w World) {
	until(t, "it is seen", func() bool {
		w.Here.Tell(live.Task{ID: "t"})
		return len(tasks(t, w.There)) == 1
	})
	until(t, "it is forgotten", func() bool { return len(tasks(t, w.There)) == 0 })
}

func next(t *testing.T, s *live.Subscription) live.Item {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	i, err := s.Next(ctx)
	if err != nil {
		t.Fatalf("next event: %v", err)
	}
	return i
}

// reach publishes until a subscriber hears it: another process may still be connecting.
func reach(t *testing.T, from live.Live, s *live.Subscription) {
	t.Helper()
	heard := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		_, err := s.Next(ctx)
		heard <- err
	}()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for n := 0; ; n++ {
		from.Publish(live.Event{Kind: "hello"})
		select {
		case err := <-heard:
			if err != nil {
				t.Fatalf("nothing is heard: %v", err)
			}
			return
		case <-again.C:
		}
	}
}

func feed(t *testing.T, w World) {
	here, there := w.Here.Subscribe(1000), w.There.Subscribe(1000)
	reach(t, w.Here, there)
	at := time.Date(2026, 5, 1, 2, 3, 4, 0, time.UTC)
	const n = 100
	for i := range n {
		w.Here.Publish(live.Event{Kind: "copy.verified", Subject: fmt.Sprint(i), Package: "p", Location: "l", Text: "x\n\"y\"", Fields: map[string]string{"k": "v"}, At: at})
	}
	for name, s := range map[string]*live.Subscription{"here": here, "there": there} {
		for i := range n {
			got := next(t, s)
			for got.Kind == "hello" || got.Kind == "" {
				got = next(t, s)
			}
			if got.Subject != fmt.Sprint(i) || got.Missed != 0 || got.Gap {
				t.Fatalf("%s: event %d is %+v", name, i, got)
			}
			if got.Package != "p" || got.Location != "l" || got.Text != "x\n\"y\"" || got.Fields["k"] != "v" || !got.At.Equal(at) {
				t.Fatalf("%s: not what was published: %+v", name, got)
			}
		}
	}
	w.Here.Publish(live.Event{Kind: "last"})
	for name, s := range map[string]*live.Subscription{"here": here, "there": there} {
		if got := next(t, s); got.Kind != "last" {
			t.Errorf("%s: an event came twice: %+v", name, got)
		}
	}
}

func slowSubscriber(t *testing.T, w World) {
	slow, quick := w.Here.Subscribe(4), w.Here.Subscribe(100)
	for i := range 10 {
		w.Here.Publish(live.Event{Kind: "k", Subject: fmt.Sprint(i)})
	}
	if got := next(t, slow); got.Missed != 6 || got.Subject != "6" {
		t.Errorf("the first of 4 waiting out of 10 is %+v", got)
	}
	for i := 7; i < 10; i++ {
		if got := next(t, slow); got.Missed != 0 || got.Subject != fmt.Sprint(i) {
			t.Errorf("event %d is %+v", i, got)
		}
	}
	for i := range 10 {
		if got := next(t, quick); got.Missed != 0 || got.Subject != fmt.Sprint(i) {
			t.Errorf("the quick one got %+v for event %d", got, i)
		}
	}
	one := w.Here.Subscribe(0)
	w.Here.Publish(live.Event{Kind: "k", Subject: "x"})
	w.Here.Publish(live.Event{Kind: "k", Subject: "y"})
	if got := next(t, one); got.Missed != 1 || got.Subject != "y" {
		t.Errorf("a buffer of none holds %+v", got)
	}
}

func subscriptionsEnd(t *testing.T, w World) {
	s := w.Here.Subscribe(10)
	w.Here.Publish(live.Event{Kind: "k"})
	s.Close()
	s.Close()
	w.Here.Publish(live.Event{Kind: "after"})
	if got := next(t, s); got.Kind != "k" {
		t.Errorf("what waited is lost: %+v", got)
	}
	for range 2 {
		if got, err := s.Next(t.Context()); !errors.Is(err, live.ErrClosed) {
			t.Errorf("a closed subscription gives %+v, %v", got, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	open := w.Here.Subscribe(1)
	if _, err := open.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait gives %v", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := open.Next(context.WithoutCancel(ctx))
		ended <- err
	}()
	open.Close()
	if err := <-ended; !errors.Is(err, live.ErrClosed) {
		t.Errorf("a wait at the time of Close gives %v", err)
	}
}
