package worker_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

var errAway = errors.New("OpsDB is away")

// desk is an OpsDB that knows tasks only and can be away, or lose its answer.
type desk struct {
	mu       sync.Mutex
	tasks    map[opsdb.ID]*opsdb.Task
	packages map[opsdb.ID]opsdb.Package
	outcomes map[opsdb.ID][]opsdb.Outcome
	fails    map[opsdb.ID][]failed
	laters   map[opsdb.ID][]postponed
	receipts []opsdb.Receipt
	renewals int
	phases   []string
	row      *opsdb.Worker
	away     bool  // every call fails
	silent   bool  // Finish, Fail and Later are committed, but the answer does not come
	refuse   error // of Finish
	finished chan opsdb.ID
}

type failed struct {
	failure opsdb.Failure
	after   time.Duration
	counts  bool
	outcome opsdb.Outcome
}

type postponed struct {
	after  time.Duration
	reason string
}

func newDesk() *desk {
	return &desk{
		tasks: map[opsdb.ID]*opsdb.Task{}, packages: map[opsdb.ID]opsdb.Package{}, outcomes: map[opsdb.ID][]opsdb.Outcome{},
		fails: map[opsdb.ID][]failed{}, laters: map[opsdb.ID][]postponed{}, finished: make(chan opsdb.ID, 1000),
	}
}

// add makes a scheduled task.
func (d *desk) add(change func(*opsdb.Task)) opsdb.Task {
	t := opsdb.Task{
		ID: opsdb.NewID(), Type: "scripted", Package: opsdb.NewID(), From: "ccat.buffer", To: "cologne.buffer", Link: "ccat>cologne",
		SendSite: "cologne", ReceiveSite: "cologne", Piece: opsdb.Whole, State: opsdb.TaskScheduled, Epoch: "e1",
	}
	if change != nil {
		change(&t)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks[t.ID] = &t
	return t
}

func (d *desk) set(change func(*desk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *desk) task(id opsdb.ID) opsdb.Task {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *d.tasks[id]
}

// expire makes a task claimable again, as an expired lease does.
func (d *desk) expire(id opsdb.ID) {
	d.set(func(d *desk) { d.tasks[id].State = opsdb.TaskScheduled })
}

// held gives the task of a token, or why there is none.
func (d *desk) held(id opsdb.ID, token int64) (*opsdb.Task, error) {
	switch t := d.tasks[id]; {
	case d.away:
		return nil, errAway
	case t == nil:
		return nil, opsdb.ErrNotFound
	case t.Token != token || !t.State.Open():
		return nil, opsdb.ErrStale
	default:
		return t, nil
	}
}

func (d *desk) answer() error {
	if d.silent {
		return errAway
	}
	return nil
}

func (d *desk) Now(context.Context) (time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return time.Time{}, errAway
	}
	return noon, nil
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func (d *desk) Task(_ context.Context, id opsdb.ID) (opsdb.Task, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return opsdb.Task{}, errAway
	}
	if d.tasks[id] == nil {
		return opsdb.Task{}, opsdb.ErrNotFound
	}
	return *d.tasks[id], nil
}

func (d *desk) Present(_ context.Context, w opsdb.Worker) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return errAway
	}
	d.row = &w
	return nil
}

func (d *desk) Absent(context.Context, string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.row = nil
	return nil
}

func (d *desk) Claim(_ context.Context, id opsdb.ID, w string, _ time.Duration) (*opsdb.Assignment, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tasks[id]
	switch {
	case d.away:
		return nil, errAway
	case t == nil || t.State != opsdb.TaskScheduled:
		return nil, opsdb.ErrNotClaim
	}
	t.Token++
	t.State, t.Worker = opsdb.TaskInProgress, w
	return &opsdb.Assignment{Task: *t, Package: opsdb.Package{ID: t.Package}}, nil
}

// Fellows are the tasks of the same batch, in their order.
func (d *desk) Fellows(_ context.Context, id opsdb.ID) (ids []opsdb.ID, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tasks {
		if own := d.tasks[id]; own != nil && own.Batch != "" && t.Batch == own.Batch && t.State == opsdb.TaskScheduled && t.Piece == opsdb.Send {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (d *desk) Renew(_ context.Context, id opsdb.ID, token int64, _ time.Duration, phase string, _, _ int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.held(id, token); err != nil {
		return err
	}
	d.renewals++
	d.phases = append(d.phases, phase)
	return nil
}

func (d *desk) Members(_ context.Context, pkg opsdb.ID) iter.Seq2[opsdb.Member, error] {
	return func(yield func(opsdb.Member, error) bool) { yield(opsdb.Member{Package: pkg, Path: "a"}, nil) }
}

func (d *desk) RecordMembers(_ context.Context, id opsdb.ID, token int64, _ []opsdb.Member) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.held(id, token)
	return err
}

func (d *desk) RecordRemoved(_ context.Context, id opsdb.ID, token int64, _ []opsdb.ID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.held(id, token)
	return err
}

func (d *desk) RecordReceipts(_ context.Context, receipts []opsdb.Receipt) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return errAway
	}
	d.receipts = append(d.receipts, receipts...)
	return nil
}

func (d *desk) Confirm(_ context.Context, id opsdb.ID, token int64) (opsdb.DeletionProof, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.held(id, token)
	return opsdb.DeletionProof{Require: 2}, err
}

func (d *desk) Finish(_ context.Context, id opsdb.ID, token int64, out opsdb.Outcome) (opsdb.Task, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.held(id, token)
	if err != nil || d.refuse != nil {
		return opsdb.Task{}, errors.Join(err, d.refuse)
	}
	t.State = opsdb.TaskCompleted
	if out.Next != "" {
		t.State, t.Piece = opsdb.TaskScheduled, out.Next
	}
	d.outcomes[id] = append(d.outcomes[id], out)
	d.receipts = append(d.receipts, out.Receipts...)
	d.finished <- id
	return *t, d.answer()
}

func (d *desk) Fail(_ context.Context, id opsdb.ID, token int64, f opsdb.Failure, next time.Time, counts bool, out opsdb.Outcome) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.held(id, token)
	if err != nil {
		return err
	}
	t.State = opsdb.TaskPending
	if f.Class == opsdb.Permanent || f.Class == opsdb.BadConfig {
		t.State = opsdb.TaskFailed
	}
	if counts {
		t.Attempts++
	}
	d.fails[id] = append(d.fails[id], failed{f, next.Sub(noon), counts, out})
	d.receipts = append(d.receipts, out.Receipts...)
	return d.answer()
}

func (d *desk) Later(_ context.Context, id opsdb.ID, token int64, next time.Time, reason string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := d.held(id, token)
	if err != nil {
		return err
	}
	t.State = opsdb.TaskPending
	d.laters[id] = append(d.laters[id], postponed{next.Sub(noon), reason})
	return d.answer()
}

func (d *desk) Report(context.Context, opsdb.LocationReport) error { return nil }

// scripted is a stage type whose run is given.
type scripted struct {
	typ    string
	phases []stages.Phase
	run    func(ctx context.Context, w stages.Work) (opsdb.Outcome, error)
}

func (s scripted) Spec() stages.Spec { return stages.Spec{Type: s.typ, Phases: s.phases} }

func (s scripted) Run(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	return s.run(ctx, w)
}

// shop is a worker at cologne with a desk, a queue and one stage type.
type shop struct {
	*worker.Worker
	desk  *desk
	queue *local.Queue
	batch *batcher // of a shop with batches
}

func newShop(cfg worker.Config, run func(ctx context.Context, w stages.Work) (opsdb.Outcome, error), phases ...stages.Phase) *shop {
	s := &shop{desk: newDesk(), queue: local.New()}
	s.Worker = s.another(cfg, run, phases...)
	return s
}

// another is a second worker at the same desk and queue.
func (s *shop) another(cfg worker.Config, run func(ctx context.Context, w stages.Work) (opsdb.Outcome, error), phases ...stages.Phase) *worker.Worker {
	cfg.ID, cfg.Sites = or(cfg.ID, "w1"), []string{"cologne"}
	if cfg.Jitter == nil {
		cfg.Jitter = func() float64 { return 0.5 }
	}
	return worker.New(cfg, s.desk, s.queue, stages.Registry{scripted{"scripted", phases, run}, scripted{"other", phases, run}})
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// do runs one task that must be run.
func (s *shop) do(t *testing.T, id opsdb.ID) {
	t.Helper()
	if ran, err := s.RunTask(t.Context(), id); !ran || err != nil {
		t.Fatalf("ran %v, error %v", ran, err)
	}
}

func (s *shop) offer(t *testing.T, tasks ...opsdb.Task) {
	t.Helper()
	if err := s.queue.Enqueue(t.Context(), slices.Clone(tasks)); err != nil {
		t.Fatal(err)
	}
}

func receipt() opsdb.Receipt { return opsdb.Receipt{ID: opsdb.NewID(), Version: opsdb.FormatVersion} }
