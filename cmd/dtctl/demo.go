package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/sim"
)

func (a *app) demoCommand() *cobra.Command {
	var d demo
	var size string
	c := &cobra.Command{
		Use: "demo", Short: "Run a route to its end on this machine, from files to archives, and check every byte", Args: cobra.NoArgs,
		Long: `Puts every location of the routes into folders under one root (every storage becomes disk, every transport local),
takes the files of --data (or makes observations), runs the real engine, workers and retention to the end on a clock of its own,
and lets the independent checker re-read everything. --data is only ever read.`,
		Example: "  dtctl demo\n  dtctl demo --data ~/observations --keep\n  dtctl demo --routes my-routes/ --size 1GB -o json",
		RunE: func(c *cobra.Command, _ []string) error {
			bytes, err := route.ParseSize(size)
			if err != nil || bytes <= 0 {
				return misuse("write an integer and a unit, like 300MB", "--size %q is not a size", size)
			}
			d.app, d.size = a, bytes
			return d.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&d.data, "data", "", "take the files below this folder; it is only read (default: make observations)")
	f.StringVar(&d.rootFlag, "root", "", "put everything under this folder, which must be empty (default: a temporary one)")
	f.BoolVar(&d.keep, "keep", false, "keep the root afterwards")
	f.StringVar(&size, "size", "300MB", "how much to make without --data")
	return c
}

// demo is one run of the demo.
type demo struct {
	*app
	data, rootFlag string
	keep           bool
	size           int64

	places    demoPlaces
	world     *sim.Observatory
	originals map[string][]check.Original // by source location
	skipped   []skipJSON
	view      *demoView
}

// demoJSON is what `dtctl demo -o json` prints.
type demoJSON struct {
	Version        int               `json:"version"`
	Files          int               `json:"files"`
	Bytes          int64             `json:"bytes"`
	Packages       int               `json:"packages"`
	Archived       map[string]int    `json:"archived"`
	SourcesDeleted int               `json:"sources_deleted"`
	CopiesLeft     map[string]int    `json:"copies_left"`
	Skipped        []skipJSON        `json:"skipped"`
	Violations     []check.Violation `json:"violations"`
	Unfinished     []string          `json:"unfinished"`
	SimulatedDays  float64           `json:"simulated_days"`
	Seconds        float64           `json:"seconds"`
	Root           string            `json:"root"`
}

// run is the whole demo in its order.
func (d *demo) run(ctx context.Context) (err error) {
	began := clock.System{}.Now()
	files, err := d.checkedRoutes()
	if err != nil {
		return err
	}
	if d.places, err = demoFolders(d.rootFlag, d.data); err != nil {
		return err
	}
	if !d.keep {
		defer func() { err = errors.Join(err, sim.Remove(d.places.root)) }()
	}
	d.view = newDemoView(d.app)
	d.world, err = sim.Open(ctx, sim.Config{
		Root: d.places.root, Routes: files, Start: began.Add(-headStart), AtOnce: 2, Impatient: true, Progress: d.view.worker,
	})
	if err != nil {
		return fmt.Errorf("set up the demo under %s: %w", d.places.root, err)
	}
	defer func() { err = errors.Join(err, d.world.Close()) }()
	if err := d.fill(ctx, began.Add(-headStart)); err != nil {
		return fmt.Errorf("put the files in place: %w", err)
	}
	if err := d.drive(ctx); err != nil {
		return err
	}
	return d.judge(ctx, began)
}

// headStart is how long ago the demo's clock starts: so long that it does not
// overtake the real one, and the folder can be served by the real clock afterwards.
const headStart = 45 * 24 * time.Hour

// fill puts the files into the source locations.
func (d *demo) fill(ctx context.Context, now time.Time) (err error) {
	sources := d.world.Sources()
	if len(sources) == 0 {
		return errors.New("the routes have no source location that a package stage reads")
	}
	if d.places.data != "" {
		stop := d.view.counting(0, "copying the files of %s into %s", d.places.data, sources[0])
		defer stop()
		var taken []check.Original
		taken, d.skipped, err = copyData(ctx, d.places.data, d.world.Roots[sources[0]], &d.view.count)
		d.originals = map[string][]check.Original{sources[0]: taken}
		return err
	}
	stop := d.view.counting(d.size, "making %s of observations in %s", bytesText(d.size), strings.Join(sources, ", "))
	defer stop()
	d.originals, err = makeData(ctx, d.world.Roots, sources, d.size, now, &d.view.count)
	return err
}

// drive runs the real engine, workers and retention to the end.
func (d *demo) drive(ctx context.Context) error {
	_, bytes := d.taken()
	stop := d.view.watch(ctx, d.world, bytes)
	err := d.world.Run(ctx)
	stop()
	if err != nil {
		return fmt.Errorf("run the routes: %w", err)
	}
	return nil
}

// taken is how many files were put into the sources, and their bytes.
func (d *demo) taken() (files int, bytes int64) {
	for _, list := range d.originals {
		for _, o := range list {
			files++
			bytes += o.Size
		}
	}
	return files, bytes
}
