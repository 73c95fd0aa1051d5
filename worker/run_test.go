package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/jobs"
	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// run starts the worker; stop cancels it and waits for its end.
func (s *shop) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Fatalf("the worker ended with %v", err)
		}
	}
}

func TestRunDoesWhatComesAndSignsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(worker.Config{Version: "v1"}, ends(opsdb.Outcome{}, nil))
		stop := s.run(t)
		for range 10 {
			task := s.desk.add(nil)
			s.offer(t, task)
			if id := <-s.desk.finished; id != task.ID {
				t.Fatalf("finished %s", id)
			}
		}
		synctest.Wait()
		if s.desk.row == nil || s.desk.row.ID != "w1" || s.desk.row.Version != "v1" || s.desk.row.Sites[0] != "cologne" {
			t.Fatalf("the worker's row: %+v", s.desk.row)
		}
		stop()
		if s.desk.row != nil {
			t.Fatal("the worker's row is there still")
		}
	})
}

// peaks counts what runs at once.
type peaks struct {
	mu        sync.Mutex
	now, most map[string]int
	last      map[string]time.Time // when the last one of a type ended
}

func (p *peaks) run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	typ := w.Assignment().Task.Type
	p.add(typ, 1)
	p.add("all", 1)
	defer p.add(typ, -1)
	defer p.add("all", -1)
	return opsdb.Outcome{}, moves(ctx, w, time.Second, 10)
}

func (p *peaks) add(what string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now[what] += n
	p.most[what] = max(p.most[what], p.now[what])
	p.last[what] = time.Now()
}

func TestLimits(t *testing.T) {
	t.Parallel()
	drive := map[string]func(t *testing.T, s *shop, n int){
		"run": func(t *testing.T, s *shop, n int) {
			stop := s.run(t)
			for range n {
				<-s.desk.finished
			}
			stop()
		},
		"drain": func(t *testing.T, s *shop, n int) {
			if ran, err := s.Drain(t.Context()); ran != n || err != nil {
				t.Errorf("ran %d, error %v", ran, err)
			}
		},
	}
	for name, by := range drive {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &peaks{now: map[string]int{}, most: map[string]int{}, last: map[string]time.Time{}}
				s := newShop(worker.Config{Total: 3, PerType: map[string]int{"scripted": 1}}, p.run)
				for i := range 16 { // the first twelve are of the type that may run one by one
					s.offer(t, s.desk.add(func(t *opsdb.Task) {
						if i >= 10 {
							t.Type = "other"
						}
					}))
				}
				begin := time.Now()
				by(t, s, 16)
				if p.most["scripted"] != 1 || p.most["all"] != 3 {
					t.Errorf("at once: %v", p.most)
				}
				if took := p.last["other"].Sub(begin); took > 40*time.Second {
					t.Errorf("the others ended after %s: one type kept them waiting", took)
				}
			})
		})
	}
}

func TestAGracefulStopLetsRunningTasksEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{}, 2)
		s := newShop(worker.Config{}, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			started <- struct{}{}
			return opsdb.Outcome{}, moves(ctx, w, time.Second, w.Assignment().Task.Priority)
		})
		short := s.desk.add(func(t *opsdb.Task) { t.Priority = 10 })
		long := s.desk.add(func(t *opsdb.Task) { t.Priority = 1000 })
		s.offer(t, short, long)
		stop := s.run(t)
		<-started
		<-started
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("stopped after %s, want the grace", took)
		}
		if got := s.desk.task(short.ID).State; got != opsdb.TaskCompleted {
			t.Errorf("the short one is %s", got)
		}
		if got := s.desk.laters[long.ID]; len(got) != 1 || got[0].after != 0 {
			t.Errorf("the long one was not given back: %v", got)
		}
		untouched := s.desk.add(nil)
		s.offer(t, untouched)
		synctest.Wait()
		if got := s.desk.task(untouched.ID).State; got != opsdb.TaskScheduled {
			t.Errorf("after the stop a task became %s", got)
		}
	})
}

// keeper is a queue that notes when it was told that a job is over, or that its worker takes no more.
type keeper struct {
	*local.Queue
	mu   sync.Mutex
	told map[string][]time.Time
}

func (k *keeper) note(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told[what] = append(k.told[what], time.Now())
}

func (k *keeper) Keep(ctx context.Context, _ opsdb.ID) (context.Context, func(bool)) {
	return ctx, func(begun bool) { k.note(map[bool]string{true: "over", false: "back"}[begun]) }
}

func (k *keeper) Leave() { k.note("left") }

// A worker that stops while others at its site go on gives back at once what it has taken and not begun; what runs has its grace.
func TestWhatWasNotBegunGoesBackAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := 0
		s := newShop(worker.Config{}, nil)
		k := &keeper{Queue: s.queue, told: map[string][]time.Time{}}
		s.Worker = worker.New(worker.Config{ID: "w1", Sites: []string{"cologne"}, Total: 1}, s.desk, k, stages.Registry{scripted{typ: "scripted", run: func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
			begun++
			return opsdb.Outcome{}, moves(ctx, w, time.Second, 10)
		}}})
		for range 6 {
			s.offer(t, s.desk.add(nil))
		}
		stop := s.run(t)
		synctest.Wait() // one runs, three wait for its slot, two were not taken
		begin := time.Now()
		stop()
		at := func(what string, n int, after time.Duration) {
			t.Helper()
			if got := k.told[what]; len(got) != n || slices.ContainsFunc(got, func(x time.Time) bool { return x.Sub(begin) != after }) {
				t.Errorf("%s: %v; want %d of them %s after %v", what, got, n, after, begin)
			}
		}
		at("left", 1, 0)
		at("back", 3, 0)
		at("over", 1, 10*time.Second)
		if n := s.queue.Len(); n != 2 || begun != 1 {
			t.Errorf("%d wait in the queue and %d were begun", n, begun)
		}
	})
}

// mute is an OpsDB that answers no claim until who asks gives up.
type mute struct{ *desk }

func (m mute) Claim(ctx context.Context, _ opsdb.ID, _ string, _ time.Duration) (*opsdb.Assignment, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A worker that stops while OpsDB is away, or does not answer, gives back what it could not claim: others may reach OpsDB.
func TestWhatCouldNotBeClaimedGoesBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		store func(d *desk) worker.Store
		after time.Duration
	}{
		"away":    {func(d *desk) worker.Store { d.away = true; return d }, 0},
		"mute":    {func(d *desk) worker.Store { return mute{d} }, 20 * time.Second}, // the grace
		"answers": {func(d *desk) worker.Store { return d }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShop(worker.Config{}, nil)
				k := &keeper{Queue: s.queue, told: map[string][]time.Time{}}
				s.Worker = worker.New(worker.Config{ID: "w1", Sites: []string{"cologne"}}, c.store(s.desk), k, stages.Registry{scripted{"scripted", nil, ends(opsdb.Outcome{}, nil)}})
				s.offer(t, s.desk.add(nil))
				stop := s.run(t)
				synctest.Wait()
				<-time.After(time.Hour)
				begin := time.Now()
				stop()
				want := map[string]int{"away": 1, "mute": 1}[name]
				if got := k.told["back"]; len(got) != want || want > 0 && got[0].Sub(begin) != c.after {
					t.Errorf("given back %v, want %d after %s", got, want, c.after)
				}
				if got := k.told["over"]; len(got) != 1-want {
					t.Errorf("over: %v", got)
				}
			})
		})
	}
}

func TestAnIdleWorkerStopsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(worker.Config{}, ends(opsdb.Outcome{}, nil))
		stop := s.run(t)
		synctest.Wait()
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != 0 {
			t.Fatalf("took %s", took)
		}
	})
}

func TestRunWaitsForOpsDB(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(worker.Config{}, ends(opsdb.Outcome{}, nil))
		s.desk.away = true
		task := s.desk.add(nil)
		s.offer(t, task)
		stop := s.run(t)
		<-time.After(time.Hour)
		s.desk.set(func(d *desk) { d.away = false })
		begin := time.Now()
		if id := <-s.desk.finished; id != task.ID {
			t.Fatalf("finished %s", id)
		}
		if took := time.Since(begin); took > 20*time.Second {
			t.Fatalf("went on %s after OpsDB was back", took)
		}
		stop()
	})
}

func TestB5RunReplaysByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s *shop
		s = newShop(worker.Config{}, leaves(&s, opsdb.Outcome{}, nil))
		task := s.desk.add(nil)
		s.offer(t, task)
		stop := s.run(t)
		synctest.Wait()
		if s.Waiting() != 1 {
			t.Fatalf("%d results wait", s.Waiting())
		}
		s.desk.set(func(d *desk) { d.away = false })
		if id := <-s.desk.finished; id != task.ID {
			t.Fatalf("finished %s", id)
		}
		stop()
	})
}

func TestRunOutlivesAQueueThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(worker.Config{}, nil)
		q := &moody{Queue: s.queue}
		w := worker.New(worker.Config{ID: "w1", Sites: []string{"cologne"}}, s.desk, q, stages.Registry{scripted{"scripted", nil, ends(opsdb.Outcome{}, nil)}})
		s.Worker = w
		stop := s.run(t)
		task := s.desk.add(nil)
		s.offer(t, task)
		<-s.desk.finished
		stop()
		if _, err := w.Drain(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot say") {
			t.Fatalf("drained a queue that cannot say it is empty: %v", err)
		}
	})
}

// moody is a queue whose first answers are errors.
type moody struct {
	jobs.Queue
	asked int
}

func (q *moody) Next(ctx context.Context, sites []string) (opsdb.ID, error) {
	if q.asked++; q.asked < 3 {
		return "", errors.New("not now")
	}
	return q.Queue.Next(ctx, sites)
}

func TestDrainReportsWhatIsAway(t *testing.T) {
	t.Parallel()
	s := newShop(worker.Config{}, ends(opsdb.Outcome{}, nil))
	s.offer(t, s.desk.add(nil))
	s.desk.away = true
	if ran, err := s.Drain(t.Context()); ran != 0 || !errors.Is(err, errAway) {
		t.Fatalf("ran %d, error %v", ran, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("drained under a cancelled context: %v", err)
	}
}
