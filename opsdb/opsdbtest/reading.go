package opsdbtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

func testReading(t *testing.T, open Open) {
	d := newDesk(t, open)
	p, q := d.archived(2), d.packed(1)
	for _, what := range []string{string(p.ID), p.ID.Short(), p.Name, fmt.Sprintf("raw/%d", p.Number)} {
		got, err := d.store.FindPackage(t.Context(), what)
		if err != nil || got.ID != p.ID || len(got.Segments) != 1 {
			t.Errorf("find %q: %+v, %v", what, got, err)
		}
	}
	for _, what := range []string{"", "nothing", "raw/99", string(opsdb.NewID()), "00000000"} {
		if _, err := d.store.FindPackage(t.Context(), what); !errors.Is(err, opsdb.ErrNotFound) {
			t.Errorf("find %q: %v", what, err)
		}
	}
	d.save(d.evaluation(p))
	d.save(d.evaluation(q, d.move(q, "ship", "transfer", "ccat.buffer", "cologne.buffer")))
	for _, c := range []struct {
		query opsdb.Query
		want  int
	}{
		{opsdb.Query{}, 2}, {opsdb.Query{Limit: 1}, 1}, {opsdb.Query{After: p.ID}, 1}, {opsdb.Query{Route: "raw"}, 2}, {opsdb.Query{Route: "other"}, 0},
		{opsdb.Query{Location: "cornell.lta"}, 1}, {opsdb.Query{State: "open"}, 1}, {opsdb.Query{State: "done"}, 1}, {opsdb.Query{State: "quarantined"}, 0},
		{opsdb.Query{Package: q.ID}, 1},
	} {
		if got, err := d.store.Packages(t.Context(), c.query); err != nil || len(got) != c.want {
			t.Errorf("packages %+v: %d, %v", c.query, len(got), err)
		}
	}
	d.readTasks(p)
	d.readFiles(p)
	moves, err := d.store.OpenMoves(t.Context(), opsdb.Query{Package: q.ID})
	d.check(err)
	if len(moves) != 1 || moves[0].Stage != "ship" {
		t.Errorf("moves %+v", moves)
	}
	workers, err := d.store.Workers(t.Context())
	d.check(err)
	if len(workers) != 1 || len(workers[0].Sites) != 3 {
		t.Errorf("workers %+v", workers)
	}
	d.check(d.store.Present(t.Context(), opsdb.Worker{ID: "e", Version: "2", Protocol: opsdb.Protocol}))
	workers, err = d.store.Workers(t.Context())
	d.check(err)
	if len(workers) != 2 || !workers[0].Engine() || workers[0].Protocol != opsdb.Protocol || workers[1].Engine() {
		t.Errorf("with an engine: workers %+v", workers)
	}
	totals, err := d.store.Totals(t.Context())
	d.check(err)
	if totals.Packages["archived"] != 1 || totals.Packages["moving"] != 1 || !totals.OldestPending.Equal(start()) {
		t.Errorf("totals %+v", totals)
	}
}

func (d *desk) readTasks(p opsdb.Package) {
	d.Helper()
	for _, c := range []struct {
		query opsdb.Query
		want  int
	}{
		{opsdb.Query{}, 6}, {opsdb.Query{Package: p.ID}, 5}, {opsdb.Query{State: "completed"}, 6}, {opsdb.Query{State: "open"}, 0},
		{opsdb.Query{Location: "cornell.lta"}, 1}, {opsdb.Query{Route: "raw", Limit: 2}, 2},
	} {
		got, err := d.store.Tasks(d.Context(), c.query)
		if err != nil || len(got) != c.want {
			d.Errorf("tasks %+v: %d, %v", c.query, len(got), err)
		}
		for _, t := range got {
			if found, err := d.store.Task(d.Context(), t.ID); err != nil || found.ID != t.ID {
				d.Errorf("task %s: %v", t.ID, err)
			}
		}
	}
	if _, err := d.store.Task(d.Context(), opsdb.NewID()); !errors.Is(err, opsdb.ErrNotFound) {
		d.Errorf("unknown task: %v", err)
	}
}

func (d *desk) readFiles(p opsdb.Package) {
	d.Helper()
	files, err := d.store.Files(d.Context(), opsdb.Query{Package: p.ID})
	d.check(err)
	if len(files) != 2 {
		d.Fatalf("%d files", len(files))
	}
	for _, what := range []string{string(files[0].ID), files[0].Path, "ccat.primecam:" + files[0].Path} {
		if f, err := d.store.FindFile(d.Context(), what); err != nil || f.ID != files[0].ID {
			d.Errorf("find %q: %v", what, err)
		}
	}
	if _, err := d.store.FindFile(d.Context(), "ccat.primecam:nothing"); !errors.Is(err, opsdb.ErrNotFound) || !strings.Contains(err.Error(), "nothing") {
		d.Errorf("unknown file: %v", err)
	}
	_, packages, err := d.store.FileHome(d.Context(), files[0].ID)
	d.check(err)
	if len(packages) != 1 || packages[0].ID != p.ID {
		d.Errorf("home %v", packages)
	}
}
