package worker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

func openJournal(t *testing.T, path string) *worker.Journal {
	t.Helper()
	j, err := worker.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// leaves is a run during which OpsDB goes away.
func leaves(s **shop, out opsdb.Outcome, err error) func(context.Context, stages.Work) (opsdb.Outcome, error) {
	return func(context.Context, stages.Work) (opsdb.Outcome, error) {
		(*s).desk.set(func(d *desk) { d.away = true })
		return out, err
	}
}

func TestB5AResultSurvivesOpsDBAndTheWorker(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	out := opsdb.Outcome{
		Packed:   &opsdb.Packed{Size: 5, Digest: "d", Segments: []opsdb.Digest{"s"}, Manifest: "m"},
		Target:   &opsdb.CopyFact{State: opsdb.Present, Path: "raw/x.tar", Size: 5, Identity: "1:2"},
		Changed:  []opsdb.ChangedMember{{File: "f", Reason: "grew", Size: 6, ModTime: noon}},
		Receipts: []opsdb.Receipt{receipt()},
	}
	var s *shop
	s = newShop(worker.Config{Journal: openJournal(t, path)}, leaves(&s, out, nil))
	task := s.desk.add(nil)
	ran, err := s.RunTask(t.Context(), task.ID)
	if !ran || !errors.Is(err, errAway) || s.Waiting() != 1 {
		t.Fatalf("ran %v, error %v, %d wait", ran, err, s.Waiting())
	}
	if ran, err := s.RunTask(t.Context(), task.ID); ran || !errors.Is(err, errAway) {
		t.Fatalf("while OpsDB is away: ran %v, error %v", ran, err)
	}

	next := s.another(worker.Config{Journal: openJournal(t, path)}, ends(opsdb.Outcome{}, errors.New("done twice")))
	if err := next.Replay(t.Context()); !errors.Is(err, errAway) || next.Waiting() != 1 {
		t.Fatalf("replayed while away: %v, %d wait", err, next.Waiting())
	}
	s.desk.set(func(d *desk) { d.away = false })
	s.desk.expire(task.ID)
	if ran, err := next.RunTask(t.Context(), task.ID); ran || err != nil {
		t.Fatalf("the result was there: ran %v, error %v", ran, err)
	}
	if diff := cmp.Diff([]opsdb.Outcome{out}, s.desk.outcomes[task.ID]); diff != "" {
		t.Fatalf("recorded (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 || next.Waiting() != 0 {
		t.Fatalf("the journal was not emptied: %v, %v, %d wait", info.Size(), err, next.Waiting())
	}
}

func TestAnUnknownCommitIsResolvedByReading(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		out   opsdb.Outcome
		err   error
		state opsdb.TaskState
	}{
		{"finished", opsdb.Outcome{Receipts: []opsdb.Receipt{receipt()}}, nil, opsdb.TaskCompleted},
		{"finished with a next piece", opsdb.Outcome{Next: opsdb.Receive}, nil, opsdb.TaskScheduled},
		{"failed", opsdb.Outcome{}, errors.New("no"), opsdb.TaskPending},
		{"put off", opsdb.Outcome{}, stages.Later(time.Hour, "later"), opsdb.TaskPending},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(worker.Config{}, ends(tt.out, tt.err))
			s.desk.silent = true
			task := s.desk.add(func(t *opsdb.Task) { t.Piece = opsdb.Send })
			if ran, err := s.RunTask(t.Context(), task.ID); !ran || !errors.Is(err, errAway) {
				t.Fatalf("ran %v, error %v", ran, err)
			}
			s.desk.silent = false
			if err := s.Replay(t.Context()); err != nil || s.Waiting() != 0 {
				t.Fatalf("replay: %v, %d wait", err, s.Waiting())
			}
			if n := len(s.desk.outcomes[task.ID]) + len(s.desk.fails[task.ID]) + len(s.desk.laters[task.ID]); n != 1 {
				t.Errorf("written %d times", n)
			}
			if got := s.desk.task(task.ID).State; got != tt.state {
				t.Errorf("the task is %s, want %s", got, tt.state)
			}
			if _, waits := s.queue.Take([]string{"cologne"}); waits != (tt.out.Next != "") {
				t.Errorf("the next piece was brought: %v", waits)
			}
		})
	}
}

func TestAResultThatWaitedTooLongIsDropped(t *testing.T) {
	t.Parallel()
	var s *shop
	s = newShop(worker.Config{}, leaves(&s, opsdb.Outcome{Receipts: []opsdb.Receipt{receipt()}}, nil))
	task := s.desk.add(nil)
	gone := s.desk.add(nil)
	_, _ = s.RunTask(t.Context(), task.ID)
	s.desk.set(func(d *desk) { d.away = false })
	s.desk.set(func(d *desk) { d.tasks[task.ID].Token++ })
	if err := s.Replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _ = s.RunTask(t.Context(), gone.ID)
	s.desk.set(func(d *desk) { d.away = false; delete(d.tasks, gone.ID) })
	if err := s.Replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	restored := s.desk.add(nil)
	_, _ = s.RunTask(t.Context(), restored.ID)
	s.desk.set(func(d *desk) { d.away = false; d.tasks[restored.ID].Epoch = "e2" })
	if err := s.Replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.desk.outcomes) != 0 || len(s.desk.receipts) != 3 || s.Waiting() != 0 {
		t.Fatalf("outcomes %v, %d receipts, %d wait", s.desk.outcomes, len(s.desk.receipts), s.Waiting())
	}
}

// A reading is as old as it is, however long its result has waited, and whatever became of its task (S1, S7).
func TestAReadingThatWaitedIsNotFresh(t *testing.T) {
	t.Parallel()
	for _, stale := range []bool{false, true} {
		local := clock.NewVirtual(noon.Add(1000 * time.Hour)) // a host whose clock is wrong
		read := receipt()
		read.At = local.Now()
		var s *shop
		s = newShop(worker.Config{Clock: local}, leaves(&s, opsdb.Outcome{Receipts: []opsdb.Receipt{read}}, nil))
		task := s.desk.add(nil)
		_, _ = s.RunTask(t.Context(), task.ID)
		local.Advance(48 * time.Hour)
		s.desk.set(func(d *desk) {
			d.away = false
			if stale {
				d.tasks[task.ID].Token++
			}
		})
		if err := s.Replay(t.Context()); err != nil || s.Waiting() != 0 {
			t.Fatal(err)
		}
		got := s.desk.receipts
		for _, out := range s.desk.outcomes[task.ID] {
			got = out.Receipts
		}
		if want := noon.Add(-48 * time.Hour); len(got) != 1 || !got[0].At.Equal(want) {
			t.Errorf("stale %v: recorded %+v, want a reading of %s", stale, got, want)
		}
	}
}

func TestAResultOpsDBDoesNotTakeBecomesAFailure(t *testing.T) {
	t.Parallel()
	s := newShop(worker.Config{}, ends(opsdb.Outcome{Receipts: []opsdb.Receipt{receipt()}}, nil))
	s.desk.refuse = errors.New("disk I/O error")
	task := s.desk.add(nil)
	other := s.desk.add(nil)
	_, _ = s.RunTask(t.Context(), task.ID)
	for range 8 {
		if err := s.Replay(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := s.desk.fails[task.ID]
	if len(got) != 1 || !got[0].counts || !strings.Contains(got[0].failure.Text, "disk I/O error") || s.Waiting() != 0 {
		t.Fatalf("failed %+v, %d wait", got, s.Waiting())
	}
	s.desk.refuse = nil
	s.do(t, other.ID)
}

func TestAResultThatContradictsTheFactsIsAFailureAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(worker.Config{}, ends(opsdb.Outcome{Receipts: []opsdb.Receipt{receipt()}}, nil))
	s.desk.refuse = fmt.Errorf("copy is deleted: %w", opsdb.ErrInvariant)
	task := s.desk.add(nil)
	s.do(t, task.ID)
	got := s.desk.fails[task.ID]
	if len(got) != 1 || !got[0].counts || got[0].failure.Class != opsdb.Transient || !strings.Contains(got[0].failure.Text, "copy is deleted") {
		t.Fatalf("failed %+v", got)
	}
	if len(s.desk.receipts) != 1 || s.Waiting() != 0 {
		t.Fatalf("%d receipts, %d results wait", len(s.desk.receipts), s.Waiting())
	}
	last := s.desk.add(func(t *opsdb.Task) { t.Attempts = 7 })
	s.do(t, last.ID)
	if got := s.desk.fails[last.ID][0]; got.failure.Class != opsdb.Permanent || got.after != 0 {
		t.Fatalf("the last attempt failed as %+v", got)
	}
}

func TestJournalFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, path)
	var results []worker.Result
	for _, name := range []opsdb.ID{"a", "b", "c"} {
		r := worker.Result{Version: opsdb.FormatVersion, ID: name, Kind: worker.Finished, Task: "t" + name, Token: 3}
		results = append(results, r)
		if err := j.Add(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Done("b"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range 30 {
		again := filepath.Join(t.TempDir(), "again")
		if err := os.WriteFile(again, append(text, text[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		got := openJournal(t, again)
		if diff := cmp.Diff([]worker.Result{results[0], results[2]}, got.Waiting()); diff != "" {
			t.Fatalf("with %d bytes of a line cut off (-want +got):\n%s", cut, diff)
		}
		if err := got.Add(t.Context(), results[1]); err != nil {
			t.Fatal(err)
		}
		if n := openJournal(t, again).Len(); n != 3 {
			t.Fatalf("after a line cut off at %d bytes and another one: %d wait", cut, n)
		}
	}
}

func TestJournalsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"line 1":           "{\"version\":1,\n{\"version\":1,\"id\":\"a\"}\n",
		"format version 2": "{\"version\":2,\"id\":\"a\"}\n",
	} {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := worker.OpenJournal(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := worker.OpenJournal(filepath.Join(t.TempDir(), "no", "folder")); err == nil {
		t.Error("a journal in no folder was opened")
	}
}

func TestAJournalThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	j := openJournal(t, filepath.Join(t.TempDir(), "journal"))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var s *shop
	s = newShop(worker.Config{Journal: j}, leaves(&s, opsdb.Outcome{}, nil))
	task := s.desk.add(nil)
	if ran, err := s.RunTask(t.Context(), task.ID); !ran || err == nil || !strings.Contains(err.Error(), "keep the result") {
		t.Fatalf("ran %v, error %v", ran, err)
	}
}

func TestWritingAResultHasALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(worker.Config{}, ends(opsdb.Outcome{}, nil))
		task := s.desk.add(nil)
		w := worker.New(worker.Config{ID: "w1"}, hanging{s.desk}, s.queue, stages.Registry{scripted{"scripted", nil, ends(opsdb.Outcome{}, nil)}})
		begin := time.Now()
		if ran, err := w.RunTask(t.Context(), task.ID); !ran || !errors.Is(err, context.DeadlineExceeded) || w.Waiting() != 1 {
			t.Fatalf("ran %v, error %v, %d wait", ran, err, w.Waiting())
		}
		if took := time.Since(begin); took != 30*time.Second {
			t.Fatalf("took %s", took)
		}
	})
}

// hanging is an OpsDB that does not answer to Finish.
type hanging struct{ *desk }

func (hanging) Finish(ctx context.Context, _ opsdb.ID, _ int64, _ opsdb.Outcome) (opsdb.Task, error) {
	<-ctx.Done()
	return opsdb.Task{}, ctx.Err()
}
