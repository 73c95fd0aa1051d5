package check

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ccatobs/cdt/opsdb"
)

// Reader is the part of an OpsDB the checker looks at. An [opsdb.Store] is one.
type Reader interface {
	Packages(ctx context.Context, q opsdb.Query) ([]opsdb.Facts, error)
	Members(ctx context.Context, pkg opsdb.ID) iter.Seq2[opsdb.Member, error]
	Files(ctx context.Context, q opsdb.Query) ([]opsdb.File, error)
	Skips(ctx context.Context, location string) ([]opsdb.Skip, error)
	Tasks(ctx context.Context, q opsdb.Query) ([]opsdb.Task, error)
	Totals(ctx context.Context) (opsdb.Totals, error)
	Events(ctx context.Context, after int64) iter.Seq2[opsdb.Event, error]
}

// Config says what to check and what must be true of it.
type Config struct {
	Store Reader
	// Roots are the folders of the locations; a location without one is not looked at.
	Roots map[string]string
	// Objects are locations that are no folder but an object store; see [Bucket].
	Objects map[string]Objects
	Types   map[string]opsdb.LocationType
	// Truth is, per source location, the originals as they were taken. A
	// source without an entry is judged by what OpsDB knows of its files.
	Truth map[string][]Original
	// Archives are the locations every file must be in.
	Archives []string
	// SendOnce are the sites a package leaves once.
	SendOnce []string
	// Require is how many archive copies at distinct sites must speak for a
	// deletion; below 1 it is 1. A proof that asked for more is held to that.
	Require int
	// Grace is the shortest time between condemned and gone; 0 where it was set aside.
	Grace time.Duration
	// Finished: the system has come to rest, so that what is not done yet is a
	// violation. Without it only what must hold at every moment is judged.
	Finished bool
	// Progress, if set, is told what is being read and how many bytes more were. It
	// is called from several goroutines.
	Progress func(subject string, n int64)
}

// parallel is how many objects are read at once.
const parallel = 2

// run is one check under way.
type run struct {
	Config
	findings
	known catalogue // before the disks were read; then that and after, together
	seen  sightings
}

// Run reads everything and judges it. The error is about the checker's own
// work (a database that cannot be read); what is wrong with the data is in the report.
func Run(ctx context.Context, c Config) (Report, error) {
	r := &run{Config: c, seen: newSightings()}
	before, err := readCatalogue(ctx, c.Store, c.Types)
	if err != nil {
		return Report{}, err
	}
	r.known = before
	if err := r.readDisks(ctx); err != nil {
		return Report{}, err
	}
	after, err := readCatalogue(ctx, c.Store, c.Types)
	if err != nil {
		return Report{}, err
	}
	r.known = after.with(before)
	r.judgeObjects(before, after)
	r.judgeNames()
	h, err := r.readEvents(ctx)
	if err != nil {
		return Report{}, err
	}
	report := r.judgeOriginals(h)
	if err := r.judgeTotals(ctx); err != nil {
		return Report{}, err
	}
	report.CopiesLeft = r.copiesLeft()
	report.Events = h.chained
	report.Links = h.judgeLinks()
	report.Violations, report.Notes = r.sorted()
	return report, nil
}

// readDisks looks at every location with a root: archives whole, buffers by
// their digests, processing by its trees.
func (r *run) readDisks(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, location := range r.looked() {
		r.judgeMarker(ctx, location)
		objects, err := r.walk(ctx, location)
		if err != nil {
			return fmt.Errorf("look at %s: %w", location, err)
		}
		for _, o := range objects {
			g.Go(func() error { return r.readObject(ctx, o) })
		}
	}
	return g.Wait()
}

// count tells progress, if anybody wants it.
func (r *run) count(subject string, n int64) {
	if r.Progress != nil {
		r.Progress(subject, n)
	}
}

// archives returns the locations of type long_term_archive that are looked at, and those asked for.
func (r *run) archives() []string {
	set := map[string]bool{}
	for _, a := range r.Archives {
		set[a] = true
	}
	for location, typ := range r.Types {
		if r.looksAt(location) && typ == opsdb.Archive {
			set[location] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
