package stagestest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Work is a [stages.Work] in memory.
type Work struct {
	A opsdb.Assignment
	// Table is the member table; RecordMembers changes it.
	Table []opsdb.Member
	// Gate, if set, answers Confirm; it is told how often it was asked, from 1.
	Gate func(n int) error
	// Stale, if set, is what RecordMembers says: another attempt owns the task.
	Stale error

	mu       sync.Mutex
	Phases   []string // as entered
	Bytes    int64    // as moved
	Asked    int
	Recorded int
	Removed  int // by RecordRemoved
}

// Assignment implements stages.Work.
func (w *Work) Assignment() opsdb.Assignment { return w.A }

// Worker implements stages.Work.
func (*Work) Worker() string { return "stagestest:1" }

// Phase implements stages.Work.
func (w *Work) Phase(name string, _ int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Phases = append(w.Phases, name)
}

// Moved implements stages.Work.
func (w *Work) Moved(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Bytes += n
}

// Members implements stages.Work.
func (w *Work) Members(ctx context.Context) iter.Seq2[opsdb.Member, error] {
	return func(yield func(opsdb.Member, error) bool) {
		for _, m := range w.Table {
			if err := ctx.Err(); err != nil {
				yield(opsdb.Member{}, err)
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// errUnknownMember: a run recorded a file that is not in the package.
var errUnknownMember = errors.New("no such member")

// RecordMembers implements stages.Work.
func (w *Work) RecordMembers(_ context.Context, members []opsdb.Member) error {
	if w.Stale != nil {
		return w.Stale
	}
	for _, m := range members {
		if err := w.record(m); err != nil {
			return err
		}
	}
	return nil
}

// RecordRemoved implements stages.Work.
func (w *Work) RecordRemoved(_ context.Context, files []opsdb.ID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Removed += len(files)
	return nil
}

func (w *Work) record(m opsdb.Member) error {
	for i := range w.Table {
		if t := &w.Table[i]; t.File == m.File {
			t.Name, t.Offset, t.Digest = m.Name, m.Offset, m.Digest
			w.Recorded++
			return nil
		}
	}
	return errUnknownMember
}

// Confirm implements stages.Work.
func (w *Work) Confirm(context.Context) (opsdb.DeletionProof, error) {
	w.Asked++
	if w.Gate != nil {
		if err := w.Gate(w.Asked); err != nil {
			return opsdb.DeletionProof{}, err
		}
	}
	return opsdb.DeletionProof{Require: 1}, nil
}

// Now implements stages.Work.
func (*Work) Now() time.Time { return time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC) }
