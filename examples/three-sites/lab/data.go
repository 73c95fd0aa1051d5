package lab

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/examples/three-sites/machine"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/sim"
)

// Source is the location the telescope writes to.
const Source = "ccat.primecam"

// Fill makes the files of an observation at the telescope, of sizes from 1 kB
// to largest, evenly in their logarithm, with content from a seed. It returns them as they were made.
func (l *Lab) Fill(observation string, total, largest int64, seed uint64) (made []check.Original) {
	l.Helper()
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable on purpose
	for i := 0; total > 0; i++ {
		size := min(total, int64(1000*math.Pow(float64(largest)/1000, r.Float64())))
		rel := filepath.Join(observation, fmt.Sprintf("m%d", i%3), fmt.Sprintf("%05d.fits", i))
		o, err := sim.MakeFile(filepath.Join(l.Folder(Source), rel), size, time.Unix(1_790_000_000+int64(i), r.Int64N(1e9)), r)
		l.Must(err)
		o.Path = rel
		made = append(made, o)
		total -= size
	}
	return made
}

// Folder is the folder of a location on the host; that of a bucket is where its server keeps it.
func (l *Lab) Folder(location string) string {
	loc := l.Graph.Locations[location]
	if loc.S3 != nil {
		return l.Disk(loc.Site.Name, "s3", loc.S3.Name, loc.S3.Prefix)
	}
	return l.Disk(loc.Site.Name, strings.TrimPrefix(loc.Path, machine.Disks))
}

// Finished waits until every file is archived and cleaned up everywhere, and nothing is left to be done but re-reading.
func (l *Lab) Finished(made []check.Original, longest time.Duration) {
	l.Helper()
	l.Await("everything is archived and cleaned up", longest, func() (bool, error) { return l.finished(l.Context(), made) })
}

func (l *Lab) finished(ctx context.Context, made []check.Original) (bool, error) {
	for _, o := range made {
		if _, err := os.Lstat(filepath.Join(l.Folder(Source), o.Path)); err == nil {
			return false, nil
		}
	}
	facts, err := l.Store.Packages(ctx, opsdb.Query{Limit: math.MaxInt32})
	if err != nil {
		return false, err
	}
	for _, p := range facts {
		for _, m := range p.Moves {
			if m.Type != "verify" {
				return false, nil
			}
		}
		for _, c := range p.Copies {
			if l.Graph.Locations[c.Location].Type != opsdb.Archive && c.State != opsdb.Deleted {
				return false, nil
			}
		}
	}
	return len(facts) > 0, nil
}

// Check lets the independent checker re-read everything that came to rest; it returns what is wrong.
func (l *Lab) Check(made []check.Original) check.Report {
	l.Helper()
	c := check.Config{Store: l.Store, Roots: map[string]string{}, Types: map[string]opsdb.LocationType{}, Truth: map[string][]check.Original{Source: made},
		Archives: []string{"cologne.lta", "cornell.lta"}, SendOnce: []string{CCAT}, Require: 2, Grace: time.Second, Finished: true}
	for name, loc := range l.Graph.Locations {
		c.Roots[name], c.Types[name] = l.Folder(name), loc.Type
	}
	report, err := check.Run(l.Context(), c)
	l.Must(err)
	return report
}
