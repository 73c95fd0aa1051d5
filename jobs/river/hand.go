package river

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/opsdb"
)

// hand is a job in hand: fetched by this process and not over.
type hand struct {
	job    int64
	task   opsdb.ID
	site   string
	cancel context.CancelCauseFunc // ends gone
	gone   context.Context         // ended: River wants the job back
	over   chan struct{}           // closed when the run has ended
	begun  bool                    // known when it is over
	once   sync.Once
}

func (h *hand) end(begun bool) {
	h.once.Do(func() {
		h.begun = begun
		close(h.over)
	})
}

// result is what River is told of a job that is over: what nobody has begun another worker may, unless a person has cancelled it.
func (h *hand) result() error {
	if h.begun || errors.Is(context.Cause(h.gone), jobs.ErrCancelled) {
		return nil
	}
	return river.JobSnooze(0)
}

// hands are all jobs in hand of one process. Jobs wait in the order of their
// numbers; what Next took is kept by its task.
type hands struct {
	mu      sync.Mutex
	byJob   map[int64]*hand
	waiting map[string][]*hand // by site
	taken   map[opsdb.ID][]*hand
	arrived chan struct{} // closed and replaced when something was added
	left    chan struct{} // closed when nobody takes any more
	leave   func()        // closes left
}

func newHands() *hands {
	left := make(chan struct{})
	return &hands{byJob: map[int64]*hand{}, waiting: map[string][]*hand{}, taken: map[opsdb.ID][]*hand{}, arrived: make(chan struct{}), left: left, leave: sync.OnceFunc(func() { close(left) })}
}

// fetched adds what River has just fetched, before River starts any of it.
func (s *hands) fetched(jobs []fetched) {
	if len(jobs) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range jobs {
		if f.task == "" {
			continue // River ends it: it says nothing to be done
		}
		gone, cancel := context.WithCancelCause(context.Background())
		h := &hand{job: f.job, task: f.task, site: f.site, gone: gone, cancel: cancel, over: make(chan struct{})}
		s.byJob[h.job] = h
		s.waiting[h.site] = append(s.waiting[h.site], h)
	}
	for _, list := range s.waiting {
		slices.SortFunc(list, func(a, b *hand) int { return cmp.Compare(a.job, b.job) })
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// idle reports whether no job of a site is in hand.
func (s *hands) idle(site string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.byJob {
		if h.site == site {
			return false
		}
	}
	return true
}

// cancelled ends the run of a job in hand, if it is in hand: a person wants it.
func (s *hands) cancelled(job int64) {
	if h := s.of(job); h != nil {
		h.cancel(jobs.ErrCancelled)
	}
}

// take removes the oldest job that waits at the sites. If there is none, the
// channel it returns is closed by whatever is fetched after this look.
func (s *hands) take(sites []string) (opsdb.ID, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *hand
	for _, site := range sites {
		if list := s.waiting[site]; len(list) > 0 && (best == nil || list[0].job < best.job) {
			best = list[0]
		}
	}
	if best == nil {
		return "", s.arrived
	}
	s.waiting[best.site] = s.waiting[best.site][1:]
	s.taken[best.task] = append(s.taken[best.task], best)
	return best.task, nil
}

// kept returns the oldest job Next gave out for a task that nobody keeps yet; nil if there is none.
func (s *hands) kept(task opsdb.ID) *hand {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.taken[task]
	if len(list) == 0 {
		return nil
	}
	h := list[0]
	if len(list) == 1 {
		delete(s.taken, task)
	} else {
		s.taken[task] = list[1:]
	}
	return h
}

// of is the hand that a job is in; nil: none.
func (s *hands) of(job int64) *hand {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byJob[job]
}

// work is what River runs for a job: it lasts until the run of the task is
// over. A job that nobody took when River wants it back, or when nobody takes any more, is given back.
func (s *hands) work(ctx context.Context, job int64) error {
	h := s.of(job)
	if h == nil {
		return nil
	}
	defer s.forget(h)
	for left := s.left; ctx.Err() == nil; {
		select {
		case <-h.over:
			return h.result()
		case <-left:
			if s.unwait(h) {
				return river.JobSnooze(0)
			}
			left = nil
		case <-ctx.Done():
		}
	}
	if errors.Is(context.Cause(ctx), rivertype.ErrJobCancelledRemotely) {
		h.cancel(jobs.ErrCancelled)
	} else {
		h.cancel(context.Cause(ctx))
	}
	if s.unwait(h) {
		return river.JobSnooze(0)
	}
	<-h.over
	return h.result()
}

// unwait takes a job back that still waits; false if it was taken.
func (s *hands) unwait(h *hand) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.waiting[h.site])
	s.waiting[h.site] = slices.DeleteFunc(s.waiting[h.site], func(o *hand) bool { return o == h })
	return len(s.waiting[h.site]) < before
}

func (s *hands) forget(h *hand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byJob[h.job] == h { // a crash may have taken back the fetch, and the job been fetched anew
		delete(s.byJob, h.job)
	}
	h.cancel(nil)
}

// drop forgets a job that River never ran; true if it is to be given back. For one that was taken it waits as work does, until ctx ends.
func (s *hands) drop(ctx context.Context, job int64) bool {
	h := s.of(job)
	if h == nil {
		return false
	}
	defer s.forget(h)
	if s.unwait(h) {
		return true
	}
	select {
	case <-h.over:
	case <-ctx.Done():
		h.end(true) // unless it has ended
	}
	return h.result() != nil
}

// endAll ends what nobody will: the process is about to end.
func (s *hands) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.byJob {
		h.end(true)
	}
}
