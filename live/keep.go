package live

import (
	"context"
	"time"
)

// Keep says that a worker is present, now and every [Renew], until ctx ends;
// then that it is absent. worker is asked each time.
func Keep(ctx context.Context, p Presence, worker func() Worker) {
	keep(ctx, p, worker, Renew)
}

func keep(ctx context.Context, p Presence, worker func() Worker, every time.Duration) {
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		w := worker()
		p.Present(w)
		select {
		case <-again.C:
		case <-ctx.Done():
			p.Absent(w.ID)
			return
		}
	}
}
