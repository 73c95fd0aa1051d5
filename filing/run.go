package filing

import (
	"context"
	"time"
)

// calm is how long hints are collected before they cause a scan.
const calm = 250 * time.Millisecond

// Run scans until ctx is cancelled, and then returns nil: when something
// pending may be complete, a moment after the operating system hinted at a
// change, and every [Config.Interval] whatever happens. What cannot be
// scanned is tried again; each change of the reason is logged.
func (w *Watcher) Run(ctx context.Context) error {
	hints := w.hints(ctx)
	defer hints.close()
	trouble := ""
	for ctx.Err() == nil {
		next, _, err := w.Scan(ctx)
		trouble = w.tell(ctx, trouble, err)
		took := w.cfg.Clock.Now().Sub(w.began())
		if err == nil {
			hints.refresh(w.folders())
		}
		wait(ctx, next.Sub(w.cfg.Clock.Now()), max(calm, 2*took), hints.changed)
	}
	return nil
}

// folders are those in which the last scan found files, as many as can be watched.
func (w *Watcher) folders() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dirs
}

func (w *Watcher) began() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// tell logs what is new about how scanning goes.
func (w *Watcher) tell(ctx context.Context, before string, err error) string {
	switch {
	case ctx.Err() != nil:
		return before
	case err == nil && before != "":
		w.cfg.Log.InfoContext(ctx, "scanned again", "location", w.cfg.Location)
		return ""
	case err == nil:
		return ""
	case err.Error() != before:
		w.cfg.Log.ErrorContext(ctx, "not scanned", "location", w.cfg.Location, "error", err)
	}
	return err.Error()
}

// wait waits for the next scan, or for a hint and the calm after it.
func wait(ctx context.Context, longest, calm time.Duration, hint <-chan struct{}) {
	due := time.NewTimer(max(longest, 0))
	defer due.Stop()
	select {
	case <-ctx.Done():
		return
	case <-due.C:
		return
	case <-hint:
	}
	settled := time.NewTimer(calm)
	defer settled.Stop()
	select {
	case <-ctx.Done():
	case <-settled.C:
	}
}
