package disk

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFoldersVanishWhileTheyAreUsed: one removes empty folders while others put
// into them, trash from them and restore; none of them may believe that its object is gone.
func TestFoldersVanishWhileTheyAreUsed(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	ctx := t.Context()
	// A few removals for every use: where a sync is slow, removing without a pause leaves nobody a folder.
	removals := make(chan struct{}, 24)
	allow := func() {
		for range 8 {
			select {
			case removals <- struct{}{}:
			default:
			}
		}
	}
	var removing, using sync.WaitGroup
	for range 2 {
		removing.Go(func() {
			for range removals {
				if err := d.RemoveDirs(ctx, "a/b/c/x"); err != nil {
					t.Errorf("remove the folders: %v", err)
				}
			}
		})
	}
	for worker := range 3 {
		using.Go(func() {
			path := fmt.Sprintf("a/b/c/%d", worker)
			for round := range 20 {
				a := attempt(int64(worker*1000 + round))
				p := putOf(path, a.Token, []byte(path))
				allow()
				if _, err := d.Put(ctx, p); err != nil {
					t.Errorf("put: %v", err)
					return
				}
				for _, use := range []struct {
					what string
					do   func() error
				}{
					{"trash", func() error { return d.Trash(ctx, path, a) }},
					{"restore", func() error { return d.Restore(ctx, a, path) }},
					{"trash file", func() error { return d.TrashFile(ctx, path, attempt(77), worker) }},
					{"restore file", func() error { return d.RestoreFile(ctx, attempt(77), worker, path) }},
					{"trash again", func() error { return d.TrashFile(ctx, path, attempt(77), worker) }},
					{"purge file", func() error { return d.PurgeFile(ctx, attempt(77), worker) }},
				} {
					allow()
					if err := use.do(); err != nil {
						t.Errorf("%s: %v", use.what, err)
						return
					}
				}
			}
		})
	}
	using.Wait()
	close(removals)
	removing.Wait()
}

// TestModificationTimes are kept to the nanosecond, far away ones too.
func TestModificationTimes(t *testing.T) {
	t.Parallel()
	d := newDisk(t, Options{})
	times := []time.Time{time.Unix(0, 0), time.Unix(1, 1), time.Unix(1_700_000_000, 999_999_999), time.Date(1969, 12, 31, 23, 59, 59, 5, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 1, time.UTC)}
	for i, want := range times {
		must(t, d.WriteFile(t.Context(), attempt(1), fmt.Sprint(i), want, strings.NewReader("x")))
	}
	must(t, d.CommitTree(t.Context(), attempt(1), "top"))
	for i, want := range times {
		info, err := d.Stat(t.Context(), fmt.Sprintf("top/%d", i))
		if err != nil || !info.ModTime.Equal(want) {
			t.Errorf("kept %v of %v, %v", info.ModTime, want, err)
		}
	}
}
