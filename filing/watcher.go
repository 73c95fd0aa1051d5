// Package filing is how files become known: watchers find them in source
// locations and register them in OpsDB.
//
// It never changes a file, opens none, and decides nothing about routes. It
// imports opsdb and storage (contracts), besides clock.
package filing

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// By says when a found file counts as complete.
type By string

// The ways to know that a file is complete.
const (
	// ByRename: files get their final name when they are complete, so every
	// file found is. What is being written has a name that is ignored, or lies elsewhere.
	ByRename By = "rename"
	// ByStable: a file is complete when its size and times have been the same for
	// [Final.After], as seen by this watcher in at least two scans.
	ByStable By = "stable"
	// ByMarker: the files in an observation's folder are complete when there is a file
	// [FinishedName] in it, and the observation is finished then. Files in no
	// observation's folder are taken as with ByStable.
	ByMarker By = "marker"
)

// FinishedName is the file in an observation's folder that says, with
// [ByMarker], that the observation is finished. It is not filed. In the other
// ways it is a file like any other.
const FinishedName = ".finished"

// Final says when a found file counts as complete.
type Final struct {
	By    By            // stable
	After time.Duration // 60 s; below 0: none, two scans are enough
}

// Config is what a watcher watches. Zero fields take the value named.
type Config struct {
	Location string
	Layout   string // [DefaultLayout]
	Final    Final
	Ignore   []string
	Interval time.Duration // between two scans when nothing happens; 30 s
	Chunk    int           // files registered in one call; 1,000
	// Root is the absolute path of the location, for hints of the operating
	// system that something changed; "": none, the scans find everything.
	Root  string
	Clock clock.Clock // by which After is counted; the system's
	Log   *slog.Logger
}

// Source is what a watcher needs of a storage: disks have it.
type Source interface {
	Check(ctx context.Context) (storage.Health, error)
	Stat(ctx context.Context, path string) (storage.Info, error)
	Walk(ctx context.Context, dir string) iter.Seq2[storage.Info, error]
}

// Watcher finds the files of one source location. Scans do not overlap.
type Watcher struct {
	cfg    Config
	layout Layout
	ignore Ignore
	store  opsdb.Filing
	source Source

	mu       sync.Mutex
	observed time.Duration // time this watcher has seen passing
	last     time.Time     // of the last scan
	pending  *sights       // found and not final yet, in the order of paths
	refused  map[string]sight
	skipped  map[string]string
	finished map[string]bool
	dirs     []string // folders in which files were found, at most mostWatched
}

// sight is a file as a scan saw it.
type sight struct {
	path     string
	size     int64
	modTime  time.Time
	identity string
	since    time.Duration // observed, since when it has been so
}

func (s sight) same(i storage.Info) bool {
	return s.size == i.Size && s.identity == i.Identity && s.modTime.Equal(i.ModTime)
}

// NewWatcher makes a watcher. An error says what is wrong with the layout, the patterns or Final.
func NewWatcher(cfg Config, store opsdb.Filing, source Source) (*Watcher, error) {
	layout, err := ParseLayout(cfg.Layout, cfg.Location)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", cfg.Location, err)
	}
	ignore, err := ParseIgnore(cfg.Ignore)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", cfg.Location, err)
	}
	cfg = cfg.filled()
	switch cfg.Final.By {
	case ByRename, ByStable, ByMarker:
	default:
		return nil, fmt.Errorf("watch %s: final by %q is not known; there are rename, stable and marker", cfg.Location, cfg.Final.By)
	}
	return &Watcher{
		cfg: cfg, layout: layout, ignore: ignore, store: store, source: source,
		refused: map[string]sight{}, skipped: map[string]string{}, finished: map[string]bool{},
	}, nil
}

func (c Config) filled() Config {
	if c.Final.By == "" {
		c.Final.By = ByStable
	}
	if c.Final.After == 0 {
		c.Final.After = time.Minute
	}
	if c.Interval == 0 {
		c.Interval = 30 * time.Second
	}
	if c.Chunk == 0 {
		c.Chunk = 1000
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
