package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// Checker looks at a location's storage: its free and total bytes (-1 and 0:
// not known) and the identity in its marker. An error is classified
// (stages.Failed), so that its Reason is a word of [opsdb.Down].
type Checker interface {
	Check(ctx context.Context, location string) (free, total int64, marker opsdb.ID, err error)
}

// Reporter takes what is seen of a location: OpsDB.
type Reporter interface {
	Report(ctx context.Context, r opsdb.LocationReport) error
}

// WatchConfig is how locations are watched. Zero fields take the value named.
type WatchConfig struct {
	// Locations are the locations at the worker's sites; asked at every round, as routes change.
	Locations func() []string
	// Marker is the identity OpsDB knows for a location, "" if none; nil: markers are not compared.
	Marker   func(ctx context.Context, location string) (opsdb.ID, error)
	Interval time.Duration // between two rounds; 15 s
	Probe    time.Duration // between two looks at a location that is down; 2 s
	Timeout  time.Duration // after which a location that does not answer is offline; 10 s
	Clock    clock.Clock   // the system's; for Down.Since
	Log      *slog.Logger
}

// Watch tells OpsDB what a worker sees of the locations at its sites:
// whether each is there, its own, writable, and how much room it has. It
// looks more often at what is down, so that work goes on by itself soon after
// a person has mended it.
type Watch struct {
	cfg      WatchConfig
	checker  Checker
	reporter Reporter
	nudge    chan struct{}

	mu    sync.Mutex
	seen  map[string]*sight
	hangs map[string]bool // a check that has not returned
}

// sight is what is known of one location.
type sight struct {
	reported bool
	last     opsdb.LocationReport
	suspect  *suspicion
	doubts   int // looks the next suspicion asks for; 0: one
	calm     int // looks since the last suspicion ended
}

// NewWatch makes a watch; it does nothing until [Watch.Run] or [Watch.Inspect].
func NewWatch(cfg WatchConfig, checker Checker, reporter Reporter) *Watch {
	cfg.Interval = or(cfg.Interval, 15*time.Second)
	cfg.Probe = or(cfg.Probe, 2*time.Second)
	cfg.Timeout = or(cfg.Timeout, 10*time.Second)
	cfg.Log = or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Clock == nil {
		cfg.Clock = clock.System{}
	}
	return &Watch{
		cfg: cfg, checker: checker, reporter: reporter, nudge: make(chan struct{}, 1),
		seen: map[string]*sight{}, hangs: map[string]bool{},
	}
}

// Run inspects until ctx is cancelled, and then returns nil.
func (w *Watch) Run(ctx context.Context) error {
	round := time.NewTicker(w.cfg.Interval)
	defer round.Stop()
	probe := time.NewTicker(w.cfg.Probe)
	defer probe.Stop()
	w.look(ctx, w.cfg.Locations())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-round.C:
			w.look(ctx, w.cfg.Locations())
		case <-probe.C:
			w.look(ctx, w.downNow())
		case <-w.nudge:
			w.look(ctx, w.downNow())
		}
	}
}

func (w *Watch) look(ctx context.Context, locations []string) {
	if err := w.inspect(ctx, locations); err != nil && ctx.Err() == nil {
		w.cfg.Log.WarnContext(ctx, "locations not reported", "error", err)
	}
}

// Inspect looks at every location once and reports what it sees; down is how
// many cannot be used. The error is OpsDB's. It is the step of a driver with a clock of its own.
func (w *Watch) Inspect(ctx context.Context) (down int, err error) {
	err = w.inspect(ctx, w.cfg.Locations())
	return len(w.downNow()), err
}

// inspect looks at locations side by side: one that hangs stalls no other.
func (w *Watch) inspect(ctx context.Context, locations []string) error {
	errs := make([]error, len(locations))
	var wg sync.WaitGroup
	for i, location := range locations {
		wg.Go(func() { errs[i] = w.inspectOne(ctx, location) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (w *Watch) inspectOne(ctx context.Context, location string) error {
	report := w.check(ctx, location)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	report = w.lastKnown(report)
	report.Down = w.since(location, w.doubt(location, report))
	if err := w.reporter.Report(ctx, report); err != nil {
		return fmt.Errorf("report location %s: %w", location, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sight(location)
	s.reported, s.last = true, report
	return nil
}

func (w *Watch) sight(location string) *sight {
	if w.seen[location] == nil {
		w.seen[location] = &sight{}
	}
	return w.seen[location]
}

// downNow are the locations that were down at the last look.
func (w *Watch) downNow() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var down []string
	for _, location := range w.cfg.Locations() {
		if s := w.seen[location]; s != nil && s.last.Down != nil {
			down = append(down, location)
		}
	}
	return down
}

// lastKnown fills in the room of a location that cannot be asked now.
func (w *Watch) lastKnown(r opsdb.LocationReport) opsdb.LocationReport {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.sight(r.Location); r.Free < 0 && s.reported {
		r.Free, r.Total = s.last.Free, s.last.Total
	}
	return r
}

// since gives a Down the time since which it is so.
func (w *Watch) since(location string, down *opsdb.Down) *opsdb.Down {
	if down == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.sight(location).last.Down
	if before != nil && before.Reason == down.Reason {
		down.Since = before.Since
	} else {
		down.Since = w.cfg.Clock.Now()
	}
	return down
}
