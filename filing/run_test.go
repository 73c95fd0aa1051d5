package filing_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRunScansWhenHinted would wait an hour without the hint.
func TestRunScansWhenHinted(t *testing.T) {
	t.Parallel()
	cfg := rename
	h := newHouse(t, cfg)
	cfg.Interval, cfg.Root = time.Hour, h.root
	h.watch(cfg, h.disk)
	h.write("obs1/a", "a")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx) }()
	deadline := time.After(2 * time.Minute)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for n := 0; ; n++ {
		select {
		case path := <-h.book.filed:
			if !strings.HasPrefix(path, "obs2/sub/") {
				continue
			}
			cancel()
			if err := <-ended; err != nil {
				t.Fatalf("a cancelled watcher ended with %v", err)
			}
			return
		case <-again.C: // the watch on the folder may not be there yet
			h.write(fmt.Sprintf("obs2/sub/%d", n), "b")
		case <-deadline:
			t.Fatal("no hint came")
		}
	}
}

// TestRunLogsTroubleOnce is about a location that is away for an hour.
func TestRunLogsTroubleOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, rename)
		h.write("obs1/a", "a")
		h.book.away = context.DeadlineExceeded
		cfg := rename
		cfg.Interval = 30 * time.Second
		h.watch(cfg, h.disk)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := h.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(h.log.String(), "not scanned"); n != 1 {
			t.Fatalf("said %d times, want once", n)
		}
		h.book.away = nil
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.Run(ctx); err != nil {
			t.Fatal(err)
		}
		h.knows("obs1/a")
	})
}
