package worker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// yard is two locations and what is reported of them.
type yard struct {
	*worker.Watch
	mu      sync.Mutex
	free    int64
	err     error
	hang    chan struct{} // nil: cologne.buffer answers
	marker  opsdb.ID
	away    error
	looks   int
	reports map[string][]opsdb.LocationReport
	at      map[string]time.Time // of the last report
}

func newYard(cfg worker.WatchConfig) *yard {
	y := &yard{free: 100, marker: "m", reports: map[string][]opsdb.LocationReport{}, at: map[string]time.Time{}}
	cfg.Locations = func() []string { return []string{"cologne.buffer", "cologne.lta"} }
	y.Watch = worker.NewWatch(cfg, y, y)
	return y
}

func (y *yard) set(change func(*yard)) {
	y.mu.Lock()
	defer y.mu.Unlock()
	change(y)
}

func (y *yard) Check(_ context.Context, location string) (free, total int64, marker opsdb.ID, err error) {
	y.mu.Lock()
	hang := y.hang
	y.mu.Unlock()
	if location == "cologne.lta" {
		return 7, 10, "lta", nil
	}
	if hang != nil {
		<-hang
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.looks++
	if y.err != nil {
		return -1, 0, "", y.err
	}
	return y.free, 1000, y.marker, nil
}

func (y *yard) Report(_ context.Context, r opsdb.LocationReport) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.away == nil {
		y.reports[r.Location], y.at[r.Location] = append(y.reports[r.Location], r), time.Now()
	}
	return y.away
}

func (y *yard) last(t *testing.T, location string) opsdb.LocationReport {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	all := y.reports[location]
	if len(all) == 0 {
		t.Fatalf("nothing was reported of %s", location)
	}
	return all[len(all)-1]
}

func (y *yard) looked() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.looks
}

func reasonOf(r opsdb.LocationReport) string {
	if r.Down == nil {
		return ""
	}
	return r.Down.Reason
}

func TestInspectReportsWhatItSees(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		marker opsdb.ID
		want   string
		text   string
	}{
		{"well", nil, "m", "", ""},
		{"read-only", stages.Failed(opsdb.Failure{Class: opsdb.Environment, Reason: "read_only"}, errors.New("read-only file system")), "", "read_only", "read-only file system"},
		{"unclassified", errors.New("input/output error"), "", "offline", "input/output error"},
		{"another's marker", nil, "x", "foreign", "the marker says x, OpsDB knows cologne.buffer as m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			y := newYard(worker.WatchConfig{Marker: func(_ context.Context, location string) (opsdb.ID, error) {
				return map[string]opsdb.ID{"cologne.buffer": "m"}[location], nil
			}})
			y.err, y.marker = tt.err, tt.marker
			down, err := y.Inspect(t.Context())
			r := y.last(t, "cologne.buffer")
			if err != nil || reasonOf(r) != tt.want || down != len(tt.want)/max(len(tt.want), 1) {
				t.Fatalf("down %d, error %v, report %+v", down, err, r)
			}
			if tt.want != "" && (r.Down.Text != tt.text || r.Down.Since.IsZero()) {
				t.Errorf("says %+v", r.Down)
			}
			if diff := cmp.Diff(opsdb.LocationReport{Location: "cologne.lta", Free: 7, Total: 10}, y.last(t, "cologne.lta")); diff != "" {
				t.Errorf("the other one (-want +got):\n%s", diff)
			}
		})
	}
}

func TestE9WhatIsMendedGoesOnByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(worker.WatchConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- y.Run(ctx) }()
		synctest.Wait()
		y.set(func(y *yard) { y.err = errors.New("gone") })
		<-time.After(16 * time.Second)
		down := y.last(t, "cologne.buffer")
		if reasonOf(down) != "offline" || down.Free != 100 || down.Total != 1000 {
			t.Fatalf("reported %+v", down)
		}
		<-time.After(time.Minute)
		if again := y.last(t, "cologne.buffer"); !again.Down.Since.Equal(down.Down.Since) {
			t.Fatalf("down since %s, then since %s", down.Down.Since, again.Down.Since)
		}
		y.set(func(y *yard) { y.err = nil })
		<-time.After(2100 * time.Millisecond)
		if r := y.last(t, "cologne.buffer"); r.Down != nil {
			t.Fatalf("two seconds after it was mended: %+v", r.Down)
		}
		before := y.looked()
		<-time.After(14 * time.Second)
		if n := y.looked() - before; n > 1 {
			t.Fatalf("%d looks in 14 s at a location that is well", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

func TestE9AFullLocationIsFullUntilThePackageFits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(worker.WatchConfig{})
		if _, err := y.Inspect(t.Context()); err != nil {
			t.Fatal(err)
		}
		y.Suspect(t.Context(), "cologne.buffer", opsdb.Failure{Class: opsdb.Environment, Reason: "full", Text: "no space left"}, 500)
		if r := y.last(t, "cologne.buffer"); reasonOf(r) != "full" || r.Free != 100 {
			t.Fatalf("reported %+v", r)
		}
		if down, _ := y.Inspect(t.Context()); down != 1 {
			t.Fatal("a probe that fits where the package does not is no proof of room")
		}
		y.set(func(y *yard) { y.free = 500 })
		if down, _ := y.Inspect(t.Context()); down != 0 {
			t.Fatalf("the package fits now, and the location is %s", reasonOf(y.last(t, "cologne.buffer")))
		}
		y.set(func(y *yard) { y.free = 1 })
		if down, _ := y.Inspect(t.Context()); down != 0 {
			t.Fatal("a suspicion that was cleared came back by itself")
		}
		y.Suspect(t.Context(), "cologne.buffer", opsdb.Failure{Class: opsdb.Environment, Reason: "read_only", Text: "read-only"}, 500)
		_, _ = y.Inspect(t.Context())
		if down, _ := y.Inspect(t.Context()); down != 0 {
			t.Fatal("it can be written, and is down as read-only")
		}
	})
}

func TestALocationThatIsSuspectedAgainMustSeemWellForLonger(t *testing.T) {
	t.Parallel()
	y := newYard(worker.WatchConfig{})
	refused := opsdb.Failure{Class: opsdb.Environment, Reason: "refused", Text: "refused"}
	looks := func() (n int) {
		y.Suspect(t.Context(), "cologne.buffer", refused, 0)
		y.Suspect(t.Context(), "cologne.buffer", refused, 0) // a second task of the same moment
		for down := 1; down > 0; n++ {
			var err error
			if down, err = y.Inspect(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	for _, want := range []int{1, 2, 4, 8, 16, 32, 32} {
		if got := looks(); got != want {
			t.Fatalf("believed after %d looks, want %d", got, want)
		}
	}
	for range 8 {
		if _, err := y.Inspect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := looks(); got != 1 {
		t.Fatalf("after it was calm: believed after %d looks, want 1", got)
	}
}

func TestE7ALocationThatHangsStallsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := newYard(worker.WatchConfig{})
		y.hang = make(chan struct{})
		begin := time.Now()
		down, err := y.Inspect(t.Context())
		if took := time.Since(begin); down != 1 || err != nil || took != 11*time.Second {
			t.Fatalf("down %d, error %v, after %s", down, err, took)
		}
		if after := y.at["cologne.lta"].Sub(begin); after != 0 {
			t.Fatalf("the other one was reported %s late", after)
		}
		if reasonOf(y.last(t, "cologne.buffer")) != "offline" || y.last(t, "cologne.lta").Down != nil {
			t.Fatalf("reported %+v and %+v", y.last(t, "cologne.buffer"), y.last(t, "cologne.lta"))
		}
		begin = time.Now()
		if down, _ := y.Inspect(t.Context()); down != 1 || time.Since(begin) != 0 {
			t.Fatalf("a second look began while the first one hangs")
		}
		close(y.hang)
		synctest.Wait()
		y.set(func(y *yard) { y.hang = nil })
		if down, _ := y.Inspect(t.Context()); down != 0 {
			t.Fatal("it answers again, and is down")
		}
	})
}

func TestInspectTellsThatOpsDBIsAway(t *testing.T) {
	t.Parallel()
	y := newYard(worker.WatchConfig{})
	y.away = errAway
	if _, err := y.Inspect(t.Context()); !errors.Is(err, errAway) {
		t.Fatalf("got %v", err)
	}
	y.Suspect(t.Context(), "cologne.lta", opsdb.Failure{}, 0)
	y.set(func(y *yard) { y.away = nil })
	if down, err := y.Inspect(t.Context()); down != 0 || err != nil {
		t.Fatalf("down %d, error %v", down, err)
	}
}
