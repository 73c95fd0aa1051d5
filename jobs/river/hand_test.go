package river

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/riverqueue/river/rivertype"
)

// What nobody has begun goes back, unless a person has cancelled it, whether River ran it or never came for it.
func TestWhatGoesBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ begun, cancelled, back bool }{
		{begun: true, cancelled: false, back: false},
		{begun: true, cancelled: true, back: false},
		{begun: false, cancelled: true, back: false},
		{begun: false, cancelled: false, back: true},
	} {
		t.Run(fmt.Sprintf("begun: %v, cancelled: %v", c.begun, c.cancelled), func(t *testing.T) {
			t.Parallel()
			taken := func() *hands {
				s := newHands()
				s.fetched([]fetched{{job: 7, task: "a", site: "cologne"}})
				s.take([]string{"cologne"})
				if c.cancelled {
					s.cancelled(7)
				}
				s.kept("a").end(c.begun)
				return s
			}
			err := taken().work(t.Context(), 7)
			var snooze *rivertype.JobSnoozeError
			if back := errors.As(err, &snooze); back != c.back || !back && err != nil {
				t.Errorf("River was told %v, want it back: %v", err, c.back)
			}
			s := taken()
			if back := s.drop(t.Context(), 7); back != c.back {
				t.Errorf("River did not come: given back %v, want %v", back, c.back)
			}
			if len(s.byJob) != 0 {
				t.Error("it is in hand still")
			}
		})
	}
}

// What runs still when its queue has ended is not given back.
func TestWhatRunsDoesNotGoBack(t *testing.T) {
	t.Parallel()
	s := newHands()
	s.fetched([]fetched{{job: 7, task: "a", site: "cologne"}})
	s.take([]string{"cologne"})
	h := s.kept("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s.drop(ctx, 7) {
		t.Error("given back while it runs")
	}
	h.end(false)
}

// The end of a job's first run leaves what was fetched anew, after a crash that took back the first fetch.
func TestFetchedAnewIsKept(t *testing.T) {
	t.Parallel()
	s := newHands()
	s.fetched([]fetched{{job: 7, task: "a", site: "cologne"}})
	s.take([]string{"cologne"})
	first := s.of(7)
	s.fetched([]fetched{{job: 7, task: "a", site: "cologne"}})
	s.forget(first)
	if !s.drop(t.Context(), 7) {
		t.Error("what was fetched anew and not begun is not given back")
	}
}
