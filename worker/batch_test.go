package worker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// batcher is a stage type that does several at once.
type batcher struct {
	scripted
	batch func(ctx context.Context, works []stages.Work) []stages.Ending
	early func(works []stages.Work, early func(int, stages.Ending))
}

func (b *batcher) RunBatch(ctx context.Context, works []stages.Work, early func(int, stages.Ending)) []stages.Ending {
	if b.early != nil {
		b.early(works, early)
	}
	return b.batch(ctx, works)
}

func batchShop(cfg worker.Config, batch func(ctx context.Context, works []stages.Work) []stages.Ending) *shop {
	cfg.ID, cfg.Sites, cfg.Jitter = "w1", []string{"ccat"}, func() float64 { return 0.5 }
	s := &shop{desk: newDesk(), queue: local.New()}
	alone := scripted{typ: "scripted", run: func(context.Context, stages.Work) (opsdb.Outcome, error) {
		return opsdb.Outcome{}, errors.New("it was run alone")
	}}
	s.batch = &batcher{scripted: alone, batch: batch}
	s.Worker = worker.New(cfg, s.desk, s.queue, stages.Registry{s.batch})
	return s
}

// early has a batch tell the ends of some before it does the rest.
func (s *shop) early(tell func(works []stages.Work, early func(int, stages.Ending))) {
	s.batch.early = tell
}

func (s *shop) addBatch(n int) []opsdb.Task {
	tasks, batch := make([]opsdb.Task, n), opsdb.NewID()
	for i := range tasks {
		tasks[i] = s.desk.add(func(t *opsdb.Task) { t.Batch, t.Piece, t.SendSite = batch, opsdb.Send, "ccat" })
	}
	return tasks
}

// One run for all; each is recorded by itself, and one bad end is no other's.
func TestABatchIsOneRun(t *testing.T) {
	t.Parallel()
	calls := 0
	s := batchShop(worker.Config{}, func(_ context.Context, works []stages.Work) []stages.Ending {
		calls++
		ends := make([]stages.Ending, len(works))
		for i := range works {
			if works[i].Assignment().Task.Bytes == 13 {
				ends[i].Err = errors.New("its source is missing")
			}
		}
		return ends
	})
	tasks := s.addBatch(5)
	s.desk.tasks[tasks[2].ID].Bytes = 13
	s.do(t, tasks[0].ID)
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
	for i, task := range tasks {
		if good, bad := len(s.desk.outcomes[task.ID]), len(s.desk.fails[task.ID]); (good == 1) == (i == 2) || (bad == 1) != (i == 2) {
			t.Errorf("task %d: %d good ends, %d bad ones", i, good, bad)
		}
	}
	if s.Busy() != 0 {
		t.Errorf("busy with %d", s.Busy())
	}
}

// One whose end is known while others go on is recorded then, and what is said of it later is not heard.
func TestOneOfABatchEndsEarly(t *testing.T) {
	t.Parallel()
	var s *shop
	var first opsdb.ID
	recorded := false
	s = batchShop(worker.Config{}, func(_ context.Context, works []stages.Work) []stages.Ending {
		for end := time.Now().Add(2 * time.Minute); !recorded && time.Now().Before(end); <-time.After(time.Millisecond) {
			s.desk.set(func(d *desk) { recorded = len(d.outcomes[first]) == 1 })
		}
		return slices.Repeat([]stages.Ending{{Err: errors.New("the call broke")}}, len(works))
	})
	s.early(func(works []stages.Work, early func(int, stages.Ending)) {
		first = works[1].Assignment().Task.ID
		early(1, stages.Ending{})
	})
	tasks := s.addBatch(3)
	s.do(t, tasks[0].ID)
	if !recorded {
		t.Error("its end was not recorded while the others went on")
	}
	for _, task := range tasks {
		if good, bad := len(s.desk.outcomes[task.ID]), len(s.desk.fails[task.ID]); (good == 1) != (task.ID == first) || (bad == 1) != (task.ID != first) {
			t.Errorf("early: %v; %d good ends, %d bad ones", task.ID == first, good, bad)
		}
	}
}

// Who was withdrawn leaves the batch; the job that was his brings the others.
func TestABatchWithoutTheTaskOfItsJob(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	ran := 0
	s := batchShop(worker.Config{}, func(_ context.Context, works []stages.Work) []stages.Ending {
		mu.Lock()
		defer mu.Unlock()
		ran += len(works)
		return make([]stages.Ending, len(works))
	})
	tasks := s.addBatch(3)
	s.desk.tasks[tasks[0].ID].State = opsdb.TaskWithdrawn
	s.do(t, tasks[0].ID)
	if ran != 2 || len(s.desk.outcomes[tasks[0].ID]) != 0 || len(s.desk.outcomes[tasks[2].ID]) != 1 {
		t.Errorf("%d ran: %v", ran, s.desk.outcomes)
	}
}

// A panic of the run is the permanent end of each.
func TestABatchThatPanics(t *testing.T) {
	t.Parallel()
	s := batchShop(worker.Config{}, func(context.Context, []stages.Work) []stages.Ending { panic("oh") })
	tasks := s.addBatch(2)
	s.do(t, tasks[0].ID)
	for _, task := range tasks {
		if f := s.desk.fails[task.ID]; len(f) != 1 || f[0].failure.Class != opsdb.Permanent {
			t.Errorf("%+v", f)
		}
	}
}

// A stop gives all of them back at no cost.
func TestABatchThatIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	s := batchShop(worker.Config{}, func(ctx context.Context, works []stages.Work) []stages.Ending {
		stop()
		<-ctx.Done()
		ends := make([]stages.Ending, len(works))
		for i := range ends {
			ends[i].Err = ctx.Err()
		}
		return ends
	})
	tasks := s.addBatch(3)
	if ran, err := s.RunTask(ctx, tasks[0].ID); !ran || err != nil {
		t.Fatal(ran, err)
	}
	for _, task := range tasks {
		if len(s.desk.laters[task.ID]) != 1 {
			t.Errorf("task %s was not given back: %v %v", task.ID, s.desk.fails[task.ID], s.desk.outcomes[task.ID])
		}
	}
}

// A lease that is lost in the middle of a batch takes its task out; the others
// end well, and what comes of the lost one is recorded nowhere.
func TestALeaseLostInABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := batchShop(worker.Config{}, func(ctx context.Context, works []stages.Work) []stages.Ending {
			calls++
			ends := make([]stages.Ending, len(works))
			if err := moves(ctx, works[0], 30*time.Second, 10); err != nil {
				for i := range ends {
					ends[i].Err = err
				}
			}
			return ends
		})
		tasks := s.addBatch(3)
		lost := tasks[1].ID
		time.AfterFunc(100*time.Second, func() { s.desk.set(func(d *desk) { d.tasks[lost].Token++ }) })
		begin := time.Now()
		s.do(t, tasks[0].ID)
		if took := time.Since(begin); calls != 1 || took < 300*time.Second {
			t.Errorf("%d calls in %s: the others did not go on", calls, took)
		}
		for _, task := range tasks {
			good, bad := len(s.desk.outcomes[task.ID]), len(s.desk.fails[task.ID])
			if want := task.ID != lost; (good == 1) != want || bad != 0 || len(s.desk.laters[task.ID]) != 0 {
				t.Errorf("task lost: %v, %d good ends, %d bad ones", !want, good, bad)
			}
		}
		if s.Busy() != 0 {
			t.Errorf("busy with %d", s.Busy())
		}
	})
}
