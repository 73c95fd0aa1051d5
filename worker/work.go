package worker

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
)

// work is what one run is given: a [stages.Work] bound to the claimed token.
type work struct {
	w     *Worker
	a     *opsdb.Assignment // nobody changes it
	spec  stages.Spec
	done  atomic.Int64  // bytes of the phase
	beats *atomic.Int64 // calls of Moved: what the watchdog looks at

	mu     sync.Mutex
	phase  stages.Phase
	total  int64
	told   int64         // of done, what was measured
	seen   int64         // beats at the watchdog's last look
	still  time.Duration // since when nothing moved
	closed bool
}

const gigabyte = 1e9

func newWork(w *Worker, a *opsdb.Assignment, spec stages.Spec) *work {
	return &work{w: w, a: a, spec: spec, beats: new(atomic.Int64), phase: stages.Phase{Name: "starting"}}
}

// Assignment implements [stages.Work].
func (k *work) Assignment() opsdb.Assignment { return *k.a }

// Worker implements [stages.Work].
func (k *work) Worker() string { return k.w.cfg.ID }

// Now implements [stages.Work].
func (k *work) Now() time.Time { return k.w.cfg.Clock.Now() }

// Phase implements [stages.Work].
func (k *work) Phase(name string, total int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tell()
	k.phase = stages.Phase{Name: name}
	for _, p := range k.spec.Phases {
		if p.Name == name {
			k.phase = p
		}
	}
	k.total, k.told, k.seen, k.still = total, 0, 0, 0
	k.done.Store(0)
}

// Moved implements [stages.Work].
func (k *work) Moved(n int64) {
	k.done.Add(n)
	k.beats.Add(1)
}

// watch is the watchdog's look, elapsed after its last: an error if no byte
// has moved for longer than the phase allows.
func (k *work) watch(elapsed time.Duration) error {
	k.mu.Lock()
	if beats := k.beats.Load(); beats != k.seen {
		k.seen, k.still = beats, 0
	} else {
		k.still += elapsed
	}
	k.tell()
	phase, still, limit := k.phase.Name, k.still, k.limit()
	k.mu.Unlock()
	if still > limit {
		return fmt.Errorf("%w in %q: no byte moved for %s, allowed are %s", errStuck, phase, still, limit)
	}
	k.w.cfg.Progress(k.progress())
	return nil
}

// limit is how long the present phase may stand still.
func (k *work) limit() time.Duration {
	bytes := max(k.a.Task.Bytes, k.total)
	return or(k.phase.Still, k.w.cfg.Still) + time.Duration(float64(k.phase.PerGB)*float64(bytes)/gigabyte)
}

func (k *work) progress() Progress {
	k.mu.Lock()
	defer k.mu.Unlock()
	return Progress{Task: k.a.Task, Phase: k.phase.Name, Done: k.done.Load(), Total: k.total}
}

// Members implements [stages.Work].
func (k *work) Members(ctx context.Context) iter.Seq2[opsdb.Member, error] {
	return k.w.store.Members(ctx, k.a.Package.ID)
}

// RecordMembers implements [stages.Work].
func (k *work) RecordMembers(ctx context.Context, members []opsdb.Member) error {
	if err := k.open(); err != nil {
		return err
	}
	return k.w.store.RecordMembers(ctx, k.a.Task.ID, k.a.Task.Token, members)
}

// RecordRemoved implements [stages.Work].
func (k *work) RecordRemoved(ctx context.Context, files []opsdb.ID) error {
	if err := k.open(); err != nil {
		return err
	}
	return k.w.store.RecordRemoved(ctx, k.a.Task.ID, k.a.Task.Token, files)
}

// Confirm implements [stages.Work].
func (k *work) Confirm(ctx context.Context) (opsdb.DeletionProof, error) {
	if err := k.open(); err != nil {
		return opsdb.DeletionProof{}, err
	}
	return k.w.store.Confirm(ctx, k.a.Task.ID, k.a.Task.Token)
}

// close ends the run's right to act: what comes late from a run that was left behind is refused.
func (k *work) close() {
	k.mu.Lock()
	k.closed = true
	k.tell()
	k.mu.Unlock()
	p := k.progress()
	p.Ended = true
	k.w.cfg.Progress(p)
}

func (k *work) open() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return fmt.Errorf("task %s was taken from this run: %w", k.a.Task.ID, opsdb.ErrStale)
	}
	return nil
}
