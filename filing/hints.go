package filing

import (
	"context"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// mostWatched is how many folders are watched at most: hosts allow a limited
// number, and the scans find what the hints miss.
const mostWatched = 1000

// hints are the operating system's word that something changed. They are
// never needed: events are lost on network file systems, and full queues drop them.
type hints struct {
	root    string
	watcher *fsnotify.Watcher // nil: none
	changed chan struct{}
}

func (w *Watcher) hints(ctx context.Context) *hints {
	h := &hints{root: w.cfg.Root, changed: make(chan struct{}, 1)}
	if h.root == "" {
		return h
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		w.cfg.Log.WarnContext(ctx, "no hints of changes, scans only", "location", w.cfg.Location, "error", err)
		return h
	}
	h.watcher = watcher
	go h.collect()
	return h
}

// collect turns events into at most one waiting hint. A new folder is watched
// at once, before files appear in it.
func (h *hints) collect() {
	for {
		select {
		case e, ok := <-h.watcher.Events:
			if !ok {
				return
			}
			if e.Has(fsnotify.Create) {
				h.watch(e.Name)
			}
		case _, ok := <-h.watcher.Errors:
			if !ok {
				return
			}
		}
		select {
		case h.changed <- struct{}{}:
		default:
		}
	}
}

// watch watches a folder, if it is one, is not CDT's own, and is not one too many. What
// cannot be watched is left to the scans.
func (h *hints) watch(path string) {
	name, err := filepath.Rel(h.root, path)
	if err != nil || ours(name) || len(h.watcher.WatchList()) >= mostWatched {
		return
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		_ = h.watcher.Add(path)
	}
}

// refresh watches the root and the folders in which files were found. Those
// that are gone the operating system forgets by itself.
func (h *hints) refresh(folders []string) {
	if h.watcher == nil {
		return
	}
	watched := map[string]bool{}
	for _, path := range h.watcher.WatchList() {
		watched[path] = true
	}
	for _, folder := range append([]string{""}, folders...) {
		if path := filepath.Join(h.root, folder); !watched[path] {
			h.watch(path)
		}
	}
}

func (h *hints) close() {
	if h.watcher != nil {
		_ = h.watcher.Close()
	}
}
