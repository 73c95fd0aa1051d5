package worker_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// A worker that was cut off shows itself soon after the line is back, whether OpsDB refused or did not answer: its row, which
// lives for 90 s, outlives a cut of a minute.
func TestAWorkerIsSeenSoonAfterACut(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(ctx context.Context) error{
		"refused": func(context.Context) error { return errAway },
		"silent": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				between := func(from, to time.Duration) bool {
					return time.Since(begin) >= from && time.Since(begin) < to
				}
				var seen []time.Duration
				d := &fickle{desk: newDesk(), present: func(ctx context.Context) error {
					if between(20*time.Second, 80*time.Second) {
						return cut(ctx)
					}
					seen = append(seen, time.Since(begin))
					return nil
				}}
				s := newShop(worker.Config{}, ends(opsdb.Outcome{}, nil))
				w := worker.New(worker.Config{ID: "w1"}, d, s.queue, stages.Registry{})
				ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
				defer stop()
				if err := w.Run(ctx); err != nil {
					t.Fatal(err)
				}
				for i, at := range seen[1:] {
					if at-seen[i] >= opsdb.WorkerTTL {
						t.Errorf("not seen from %s to %s", seen[i], at)
					}
				}
				if back := slices.IndexFunc(seen, func(at time.Duration) bool { return at >= 80*time.Second }); back < 0 || seen[back] > 96*time.Second {
					t.Errorf("seen %v", seen)
				}
			})
		})
	}
}

// fickle is an OpsDB that renews a worker's row when it likes.
type fickle struct {
	*desk
	present func(context.Context) error
}

func (f *fickle) Present(ctx context.Context, w opsdb.Worker) error {
	if err := f.present(ctx); err != nil {
		return err
	}
	return f.desk.Present(ctx, w)
}
