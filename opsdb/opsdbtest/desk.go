package opsdbtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// start is when the virtual clock of a test begins.
func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// lease is the lease of tests, claimBy their claim deadline.
const (
	lease   = time.Minute
	claimBy = 2 * time.Minute
)

// desk is a store with the places of a small observatory, and short ways to
// bring it into a state.
type desk struct {
	*testing.T
	store opsdb.Store
	clock *clock.Virtual
	rev   int64
	n     int
}

// newDesk opens a store and activates its first revision.
func newDesk(t *testing.T, open Open) *desk {
	t.Helper()
	c := clock.NewVirtual(start())
	d := &desk{T: t, store: open(t, c), clock: c}
	d.activate("first", places())
	d.present()
	return d
}

// places is an observatory, two archive sites and a processing place.
func places() opsdb.Mirror {
	return opsdb.Mirror{
		Sites: []opsdb.Site{{Name: "ccat"}, {Name: "cologne"}, {Name: "cornell"}},
		Locations: []opsdb.Location{
			{Name: "ccat.primecam", Type: opsdb.Source, Storage: opsdb.Disk},
			{Name: "ccat.buffer", Type: opsdb.Buffer, Storage: opsdb.Disk, Capacity: 1000},
			{Name: "cologne.buffer", Type: opsdb.Buffer, Storage: opsdb.Disk},
			{Name: "cologne.lta", Type: opsdb.Archive, Storage: opsdb.S3},
			{Name: "cologne.ramses", Type: opsdb.Processing, Storage: opsdb.Disk},
			{Name: "cornell.buffer", Type: opsdb.Buffer, Storage: opsdb.Disk},
			{Name: "cornell.lta", Type: opsdb.Archive, Storage: opsdb.Disk},
		},
		Links:  []opsdb.Link{{From: "ccat", To: "cologne"}, {From: "cologne", To: "cornell"}},
		Stages: []string{"raw/pack/ccat.primecam"},
	}
}

func (d *desk) check(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) activate(digest string, m opsdb.Mirror) {
	d.Helper()
	r, err := d.store.Activate(d.Context(), opsdb.Revision{Digest: opsdb.Digest(digest), Text: "{}", Who: "ada"}, m)
	d.check(err)
	d.rev = r.Number
}

func (d *desk) present() {
	d.Helper()
	d.check(d.store.Present(d.Context(), opsdb.Worker{ID: "w", Sites: []string{"ccat", "cologne", "cornell"}}))
}

// advance moves the clock and tells the store that this time was seen passing.
func (d *desk) advance(by time.Duration) {
	d.Helper()
	d.clock.Advance(by)
	d.check(d.store.Tick(d.Context(), by, true))
	d.present()
}

// rawFile is a file of 100 bytes at the source.
func (d *desk) rawFile(path string) opsdb.File {
	return opsdb.File{Location: "ccat.primecam", Path: path, Size: 100, ModTime: time.Unix(1_700_000_000, 123456789).UTC(), Identity: "1:2",
		Instrument: "primecam", Observation: "obs", Module: "m1", Program: "GEco", Tags: []string{"a"}}
}

// file files n files and returns them as the store knows them.
func (d *desk) file(n int) []opsdb.File {
	d.Helper()
	files := make([]opsdb.File, n)
	for i := range files {
		d.n++
		files[i] = d.rawFile(fmt.Sprintf("obs/%06d.dat", d.n))
		files[i].ID = opsdb.NewID()
	}
	filed, results, err := d.store.FileFiles(d.Context(), files)
	d.check(err)
	for _, err := range results {
		d.check(err)
	}
	if filed != n {
		d.Fatalf("filed %d of %d", filed, n)
	}
	return files
}

// route puts files into the group of one key of a route's pack stage.
func (d *desk) route(route, key string, files []opsdb.File) opsdb.Group {
	d.Helper()
	var ids []opsdb.ID
	var rows []opsdb.Routing
	for _, f := range files {
		ids = append(ids, f.ID)
		rows = append(rows, opsdb.Routing{File: f.ID, Route: route, Stage: "pack", Key: key, Group: opsdb.Group{Instrument: f.Instrument, Observation: f.Observation, Module: f.Module}})
	}
	d.check(d.store.Route(d.Context(), ids, rows))
	return d.group(route, key)
}

// group finds an open dirty group.
func (d *desk) group(route, key string) opsdb.Group {
	d.Helper()
	groups, err := d.store.DirtyGroups(d.Context(), d.clock.Now(), 0)
	d.check(err)
	for _, g := range groups {
		if g.Route == route && g.Key == key {
			return g
		}
	}
	d.Fatalf("no dirty group %s of route %s", key, route)
	return opsdb.Group{}
}

// closeGroup makes one package of all files of a group.
func (d *desk) closeGroup(g opsdb.Group) opsdb.Package {
	d.Helper()
	files, err := d.store.GroupFiles(d.Context(), g.ID)
	d.check(err)
	p := opsdb.Package{ID: opsdb.NewID(), Route: g.Route, Stage: g.Stage, Group: g.ID, Source: g.Location, Destination: "ccat.buffer",
		Instrument: g.Instrument, Observation: g.Observation, Module: g.Module, Size: 500}
	made, err := d.store.CloseGroup(d.Context(), g.ID, g.Version, d.rev, []opsdb.NewPackage{{Package: p, Files: files}})
	d.check(err)
	return made[0]
}

// pack files n files and closes their group.
func (d *desk) pack(n int) opsdb.Package {
	d.Helper()
	d.n++
	return d.closeGroup(d.route("raw", fmt.Sprint(d.n), d.file(n)))
}

// facts reads the facts of one package.
func (d *desk) facts(id opsdb.ID) opsdb.Facts {
	d.Helper()
	facts, err := d.store.Facts(d.Context(), []opsdb.ID{id})
	d.check(err)
	if len(facts) != 1 {
		d.Fatalf("%d facts of package %s", len(facts), id)
	}
	return facts[0]
}

// copyAt is the newest copy of a package at a location; empty if there is none.
func (d *desk) copyAt(id opsdb.ID, location string) opsdb.Copy {
	d.Helper()
	var found opsdb.Copy
	for _, c := range d.facts(id).Copies {
		if c.Location == location {
			found = c
		}
	}
	return found
}

func (d *desk) stateAt(id opsdb.ID, location string, want opsdb.CopyState) {
	d.Helper()
	if c := d.copyAt(id, location); c.State != want {
		d.Fatalf("copy at %s is %q, want %q", location, c.State, want)
	}
}
