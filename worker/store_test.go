package worker_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// site is a real OpsDB with one package task that waits at ccat.
type site struct {
	t     *testing.T
	file  string
	db    *sqlite.Store
	clock *clock.Virtual
	queue *local.Queue
	task  opsdb.Task
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, clock: clock.NewVirtual(noon), queue: local.New()}
	s.file = filepath.Join(t.TempDir(), "cdt.db")
	db, err := sqlite.Open(t.Context(), s.file, sqlite.Options{Clock: s.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s.db = db
	s.task = s.dispatch(s.pack(s.routes()))
	if err := s.queue.Rebuild(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return s
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (s *site) routes() opsdb.Revision {
	s.t.Helper()
	return must[opsdb.Revision](s.t)(s.db.Activate(s.t.Context(), opsdb.Revision{Digest: "r1", Text: "{}", Who: "test"}, opsdb.Mirror{
		Sites:     []opsdb.Site{{Name: "ccat", State: opsdb.SiteActive}},
		Locations: []opsdb.Location{{Name: "ccat.primecam", Type: opsdb.Source, Storage: opsdb.Disk}, {Name: "ccat.buffer", Type: opsdb.Buffer, Storage: opsdb.Disk}},
		Stages:    []string{"raw/pack/ccat.primecam"},
	}))
}

// pack closes a group of one file.
func (s *site) pack(rev opsdb.Revision) (int64, opsdb.Package) {
	s.t.Helper()
	ctx := s.t.Context()
	_, results, err := s.db.FileFiles(ctx, []opsdb.File{{Location: "ccat.primecam", Path: "obs1/a", Size: 5, ModTime: noon, Identity: "1:2", Instrument: "primecam", Observation: "obs1", Module: "-"}})
	if err := errors.Join(append(results, err)...); err != nil {
		s.t.Fatal(err)
	}
	files := must[[]opsdb.File](s.t)(s.db.Unrouted(ctx, 10))
	err = s.db.Route(ctx, []opsdb.ID{files[0].ID}, []opsdb.Routing{{File: files[0].ID, Route: "raw", Stage: "pack", Key: "{}", Group: opsdb.Group{Instrument: "primecam", Observation: "obs1", Module: "-"}}})
	if err != nil {
		s.t.Fatal(err)
	}
	group := must[[]opsdb.Group](s.t)(s.db.DirtyGroups(ctx, noon, 10))[0]
	made := must[[]opsdb.Package](s.t)(s.db.CloseGroup(ctx, group.ID, group.Version, rev.Number,
		[]opsdb.NewPackage{{Package: opsdb.Package{Destination: "ccat.buffer", Instrument: "primecam", Observation: "obs1", Module: "-"}, Files: files}}))
	return rev.Number, made[0]
}

// dispatch makes the task that packs it.
func (s *site) dispatch(revision int64, p opsdb.Package) opsdb.Task {
	s.t.Helper()
	ctx := s.t.Context()
	facts := must[[]opsdb.Facts](s.t)(s.db.Facts(ctx, []opsdb.ID{p.ID}))[0]
	move := opsdb.OpenMove{
		Package: p.ID, Version: facts.Package.Version, Route: "raw", Stage: "pack", Type: "package", From: "ccat.primecam", To: "ccat.buffer", Verdict: "ready",
		Class: opsdb.Fresh, Number: p.Number, MadeAt: noon, Bytes: 10, SourceCopy: facts.Copies[0].ID, Form: opsdb.Tar, SendSite: "ccat", ReceiveSite: "ccat",
	}
	left := must[[]opsdb.ID](s.t)(s.db.Save(ctx, revision, []opsdb.Evaluation{{Package: p.ID, Version: move.Version, Moves: []opsdb.OpenMove{move}}}))
	given := must[[]opsdb.Dispatched](s.t)(s.db.Dispatch(ctx, revision, []opsdb.Grant{{Move: move, Path: p.Dir + "/" + p.Name + ".tar", Form: opsdb.Tar, ClaimBy: time.Minute, Piece: opsdb.Whole}}))
	if len(left) != 0 || given[0].Refusal != opsdb.Granted {
		s.t.Fatalf("left %v, dispatched %+v", left, given)
	}
	return given[0].Task
}

// worker is a worker at ccat that packs; before is called when its run begins.
func (s *site) worker(id string, store worker.Store, before func()) *worker.Worker {
	run := func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
		if before != nil {
			before()
		}
		return packs(ctx, w)
	}
	cfg := worker.Config{ID: id, Sites: []string{"ccat"}, Clock: s.clock}
	return worker.New(cfg, store, s.queue, stages.Registry{scripted{"package", nil, run}})
}

// packs tells the facts of a package that was written.
func packs(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
	a := w.Assignment()
	var members []opsdb.Member
	for m, err := range w.Members(ctx) {
		if err != nil {
			return opsdb.Outcome{}, err
		}
		m.Name, m.Digest = "data/"+m.Path, "d1"
		members = append(members, m)
	}
	r := opsdb.Receipt{ID: opsdb.NewID(), Package: a.Package.ID, Location: a.Task.To, Path: a.Task.Path, Digest: "d", Size: 10, Worker: w.Worker(), Task: a.Task.ID, Token: a.Task.Token, Medium: opsdb.FromMedium, Version: opsdb.FormatVersion}
	out := opsdb.Outcome{
		Packed:   &opsdb.Packed{Size: 10, Digest: "d", Segments: []opsdb.Digest{"d"}, Manifest: "m"},
		Target:   &opsdb.CopyFact{State: opsdb.Present, Path: a.Task.Path, Size: 10, Identity: "1:9"},
		Receipts: []opsdb.Receipt{r},
	}
	return out, w.RecordMembers(ctx, members)
}

// packed makes sure that the package stands in the buffer, packed by the attempt of a token, with that many readings.
func (s *site) packed(token int64, by string, readings int) {
	s.t.Helper()
	task := must[opsdb.Task](s.t)(s.db.Task(s.t.Context(), s.task.ID))
	if task.State != opsdb.TaskCompleted || task.Token != token || task.Worker != by {
		s.t.Fatalf("the task is %s with token %d by %q: %+v", task.State, task.Token, task.Worker, task.Failure)
	}
	facts := must[[]opsdb.Facts](s.t)(s.db.Facts(s.t.Context(), []opsdb.ID{s.task.Package}))[0]
	stands := 0
	for _, c := range facts.Copies {
		if c.Location == "ccat.buffer" && c.Verified() {
			stands++
		}
	}
	if facts.Package.Digest != "d" || stands != 1 {
		s.t.Fatalf("digest %q, copies %+v", facts.Package.Digest, facts.Copies)
	}
	if n := s.readings(); n != readings {
		s.t.Fatalf("%d readings are recorded, want %d", n, readings)
	}
}

// readings counts receipts in the audit log.
func (s *site) readings() (n int) {
	s.t.Helper()
	for e, err := range s.db.Events(s.t.Context(), 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		if e.Kind == opsdb.EventCopyVerified {
			n++
		}
	}
	return n
}

func (s *site) drain(w *worker.Worker) {
	s.t.Helper()
	if ran := must[int](s.t)(w.Drain(s.t.Context())); ran != 1 {
		s.t.Fatalf("ran %d tasks", ran)
	}
}

// expire lets a minute pass and offers what nobody holds any more.
func (s *site) expire() {
	s.t.Helper()
	s.clock.Advance(61 * time.Second)
	again := must[[]opsdb.Task](s.t)(s.db.Expire(s.t.Context(), s.clock.Now(), time.Minute))
	if len(again) != 1 {
		s.t.Fatalf("%d tasks can be claimed again", len(again))
	}
	if err := s.queue.Enqueue(s.t.Context(), again); err != nil {
		s.t.Fatal(err)
	}
}

func TestATaskOfARealStore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.drain(s.worker("w1", s.db, nil))
	s.packed(1, "w1", 1)
}

func TestE3TheTaskOfADeadWorkerIsDoneByAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.db.Claim(t.Context(), s.task.ID, "dead", time.Minute); err != nil {
		t.Fatal(err)
	}
	live := s.worker("live", s.db, nil)
	if ran := must[int](t)(live.Drain(t.Context())); ran != 0 {
		t.Fatal("a lease that has not expired was not respected")
	}
	s.expire()
	s.drain(live)
	s.packed(2, "live", 1)
}

func TestE2ALateWorkerOfARealStore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	begun, proceed := make(chan struct{}), make(chan struct{})
	late := s.worker("late", s.db, func() { close(begun); <-proceed })
	ended := make(chan error)
	go func() {
		_, err := late.RunTask(t.Context(), s.task.ID)
		ended <- err
	}()
	<-begun
	must[opsdb.ID](t)(s.queue.Next(t.Context(), []string{"ccat"}))
	s.expire()
	s.drain(s.worker("live", s.db, nil))
	close(proceed)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s.packed(2, "live", 1)
}

// Two workers with one identity are two workers all the same: one of them does the task, and the other's late result counts for nothing.
func TestTwoWorkersWithOneIdentity(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	begun, proceed := make(chan struct{}), make(chan struct{})
	first := s.worker("twin", s.db, func() { close(begun); <-proceed })
	ended := make(chan error)
	go func() {
		_, err := first.RunTask(t.Context(), s.task.ID)
		ended <- err
	}()
	<-begun
	second := s.worker("twin", s.db, func() { t.Error("the task was begun twice") })
	if ran, err := second.RunTask(t.Context(), s.task.ID); ran || err != nil {
		t.Errorf("the twin ran %v, %v", ran, err)
	}
	close(proceed)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	s.packed(1, "twin", 1)
}

// flaky commits Finish and loses the answer, as long as it is told to.
type flaky struct {
	*sqlite.Store
	lost int
}

func (f *flaky) Finish(ctx context.Context, task opsdb.ID, token int64, out opsdb.Outcome) (opsdb.Task, error) {
	done, err := f.Store.Finish(ctx, task, token, out)
	if err == nil && f.lost > 0 {
		f.lost--
		return opsdb.Task{}, errAway
	}
	return done, err
}

func TestB5AnUnknownCommitOfARealStore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.worker("w1", &flaky{s.db, 1}, nil)
	if ran, err := w.Drain(t.Context()); ran != 1 || !errors.Is(err, errAway) || w.Waiting() != 1 {
		t.Fatalf("ran %d, error %v, %d wait", ran, err, w.Waiting())
	}
	if err := w.Replay(t.Context()); err != nil || w.Waiting() != 0 {
		t.Fatalf("replay: %v, %d wait", err, w.Waiting())
	}
	s.packed(1, "w1", 1)
}

// cut is a connection to a real OpsDB that breaks when it is told to.
type cut struct {
	*sqlite.Store
	broken bool
}

func (c *cut) Finish(ctx context.Context, task opsdb.ID, token int64, out opsdb.Outcome) (opsdb.Task, error) {
	if c.broken {
		return opsdb.Task{}, errAway
	}
	return c.Store.Finish(ctx, task, token, out)
}

func TestB5AResultWaitsInTheJournalForARealStore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := filepath.Join(t.TempDir(), "journal")
	cfg := worker.Config{ID: "w1", Sites: []string{"ccat"}, Clock: s.clock, Journal: openJournal(t, path)}
	line := &cut{Store: s.db}
	w := worker.New(cfg, line, s.queue, stages.Registry{scripted{"package", nil, func(ctx context.Context, w stages.Work) (opsdb.Outcome, error) {
		out, err := packs(ctx, w)
		line.broken = true
		return out, err
	}}})
	if ran, err := w.Drain(t.Context()); ran != 1 || !errors.Is(err, errAway) || w.Waiting() != 1 {
		t.Fatalf("ran %d, error %v, %d wait", ran, err, w.Waiting())
	}
	s.expire()
	cfg.Journal = openJournal(t, path)
	next := worker.New(cfg, s.db, s.queue, stages.Registry{scripted{"package", nil, ends(opsdb.Outcome{}, errors.New("done twice"))}})
	if ran, err := next.Drain(t.Context()); ran != 0 || err != nil {
		t.Fatalf("ran %d, error %v", ran, err)
	}
	s.packed(1, "w1", 1)
}
