package notify_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/notify"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

func TestARealStoreIsReadAndItsChainHolds(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	now := clock.NewVirtual(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	store, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "cdt.db"), sqlite.Options{Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	ears := listening("ears")
	n, err := notify.New(notify.Config{State: filepath.Join(t.TempDir(), "said.json"), Sinks: []notify.Sink{ears}}, store)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for range 5 {
			if err := store.AddMarker(ctx, "ccat.primecam", opsdb.NewID(), "<a & \"b\">"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Chain(ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.Look(ctx); err != nil {
			t.Fatal(err)
		}
		now.Advance(time.Duration(i) * time.Hour)
	}
	if err := n.Deliver(ctx); err != nil || len(ears.got) > 0 {
		t.Errorf("of a sound OpsDB is said %+v, %v", ears.got, err)
	}
}
