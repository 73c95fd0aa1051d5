package opsdbtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func testPlanning(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"todo":        testTodo,
		"routing":     testRouting,
		"group":       testGroupLife,
		"spans":       testSpans,
		"numbers":     testNumbers,
		"late files":  testLateFiles,
		"save":        testSave,
		"dirty order": testDirtyOrder,
		"wake":        testWake,
		"world":       testWorld,
		"acts":        testActs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

func testRouting(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(2)
	unrouted, err := d.store.Unrouted(t.Context(), 0)
	d.check(err)
	if len(unrouted) != 2 {
		t.Fatalf("%d unrouted", len(unrouted))
	}
	d.check(d.store.Route(t.Context(), []opsdb.ID{files[0].ID, files[1].ID}, []opsdb.Routing{{File: files[0].ID, Route: "raw", Stage: "pack", Key: "k"}}))
	if unrouted, err = d.store.Unrouted(t.Context(), 0); err != nil || len(unrouted) != 0 {
		t.Fatalf("%d to be routed, %v", len(unrouted), err)
	}
	shown, err := d.store.Files(t.Context(), opsdb.Query{State: "unrouted"})
	d.check(err)
	if len(shown) != 1 || shown[0].ID != files[1].ID {
		t.Fatalf("shown as unrouted: %+v", shown)
	}
	// It has its group already: it stays there.
	d.check(d.store.Route(t.Context(), []opsdb.ID{files[0].ID}, []opsdb.Routing{{File: files[0].ID, Route: "raw", Stage: "pack", Key: "other"}}))
	groups, packages, err := d.store.FileHome(t.Context(), files[0].ID)
	d.check(err)
	if len(groups) != 1 || groups[0].Key != "k" || groups[0].Files != 1 || len(packages) != 0 {
		t.Fatalf("home %+v %+v", groups, packages)
	}
}

func testGroupLife(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(3)
	g := d.route("raw", "k", files)
	if g.Files != 3 || g.Bytes != 300 || g.First.IsZero() || g.Location != "ccat.primecam" || g.Observation != "obs" {
		t.Fatalf("group %+v", g)
	}
	if err := d.store.KeepGroup(t.Context(), g.ID, g.Version-1, time.Time{}, ""); !errors.Is(err, opsdb.ErrChanged) {
		t.Fatal(err)
	}
	wake := d.clock.Now().Add(time.Minute)
	d.check(d.store.KeepGroup(t.Context(), g.ID, g.Version, wake, "it grows"))
	if next, err := d.store.NextWake(t.Context()); err != nil || !next.Equal(wake) {
		t.Fatalf("next wake %s, %v", next, err)
	}
	if groups, err := d.store.DirtyGroups(t.Context(), d.clock.Now(), 0); err != nil || len(groups) != 0 {
		t.Fatalf("kept group is dirty: %v", err)
	}
	if groups, err := d.store.DirtyGroups(t.Context(), wake, 0); err != nil || len(groups) != 1 {
		t.Fatalf("due group is not there: %v", err)
	}
	if _, err := d.store.CloseGroup(t.Context(), g.ID, g.Version-1, d.rev, nil); !errors.Is(err, opsdb.ErrChanged) {
		t.Fatal(err)
	}
	p := d.closeGroup(g)
	if p.Files != 3 || p.Bytes != 300 || p.Name != opsdb.PackageName(p) || p.Dir != "raw/obs" || !p.MadeAt.Equal(d.clock.Now()) {
		t.Fatalf("package %+v", p)
	}
	c := d.copyAt(p.ID, "ccat.primecam")
	if c.Form != opsdb.Files || c.State != opsdb.Present || c.Size != 300 || c.Path != "" || !c.VerifiedAge.Equal(p.MadeAge) {
		t.Fatalf("copy of the files %+v", c)
	}
	var paths []string
	for m, err := range d.store.Members(t.Context(), p.ID) {
		d.check(err)
		paths = append(paths, m.Path)
		if m.Package != p.ID || m.Size != 100 || m.Identity != "1:2" || m.ModTime.Nanosecond() != 123456789 {
			t.Errorf("member %+v", m)
		}
	}
	if len(paths) != 3 || !slices.IsSorted(paths) {
		t.Errorf("members %v", paths)
	}
}

func testNumbers(t *testing.T, open Open) {
	d := newDesk(t, open)
	for i := range 3 {
		if p := d.pack(1); p.Number != int64(i+1) {
			t.Errorf("package %d has number %d", i+1, p.Number)
		}
	}
	if p := d.closeGroup(d.route("calibration", "k", d.file(1))); p.Number != 1 {
		t.Errorf("numbers count per route: %d", p.Number)
	}
}

// A file filed after its group was closed goes into a next package (A6).
func testLateFiles(t *testing.T, open Open) {
	d := newDesk(t, open)
	first := d.closeGroup(d.route("raw", "k", d.file(2)))
	late := d.file(1)
	second := d.closeGroup(d.route("raw", "k", late))
	if first.ID == second.ID || second.Files != 1 || second.Number != 2 {
		t.Fatalf("second package %+v", second)
	}
	groups, packages, err := d.store.FileHome(t.Context(), late[0].ID)
	d.check(err)
	if len(groups) != 0 || len(packages) != 1 || packages[0].ID != second.ID {
		t.Fatalf("home %v %v", groups, packages)
	}
}

func testSave(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.pack(1)
	e := d.evaluation(p, d.move(p, "pack", "package", "ccat.primecam", "ccat.buffer"))
	e.Wanted = []string{"cologne.lta"}
	if left, err := d.store.Save(t.Context(), d.rev+1, []opsdb.Evaluation{e}); err != nil || len(left) != 1 {
		t.Fatalf("another revision: %v, %v", left, err)
	}
	d.save(e)
	if facts, err := d.store.Dirty(t.Context(), d.clock.Now(), 0); err != nil || len(facts) != 0 {
		t.Fatalf("dirty after save: %d, %v", len(facts), err)
	}
	ready, err := d.store.Ready(t.Context(), 10)
	d.check(err)
	if len(ready) != 1 || ready[0].Package != p.ID || ready[0].Version != e.Version || ready[0].Class != opsdb.Fresh || ready[0].Bytes != 500 {
		t.Fatalf("ready %+v", ready)
	}
	_, err = d.store.Hold(t.Context(), opsdb.Hold{Package: p.ID, Kind: opsdb.HoldDelete, Who: "ada", Why: "look at it"})
	d.check(err)
	if left, err := d.store.Save(t.Context(), d.rev, []opsdb.Evaluation{e}); err != nil || len(left) != 1 || left[0] != p.ID {
		t.Fatalf("a package that changed: %v, %v", left, err)
	}
	facts, err := d.store.Dirty(t.Context(), d.clock.Now(), 0)
	d.check(err)
	if len(facts) != 1 || len(facts[0].Holds) != 1 || len(facts[0].Moves) != 1 {
		t.Fatalf("dirty %+v", facts)
	}
}

func testDirtyOrder(t *testing.T, open Open) {
	d := newDesk(t, open)
	var ids []opsdb.ID
	for range 3 {
		p := d.pack(1)
		ids = append(ids, p.ID)
		d.clock.Advance(time.Second)
	}
	_, err := d.store.Request(t.Context(), opsdb.StagingRequest{Package: ids[2], Location: "cologne.ramses", Who: "ada"})
	d.check(err)
	facts, err := d.store.Dirty(t.Context(), d.clock.Now(), 0)
	d.check(err)
	var got []opsdb.ID
	for _, f := range facts {
		got = append(got, f.Package.ID)
	}
	if want := []opsdb.ID{ids[2], ids[0], ids[1]}; !slices.Equal(got, want) {
		t.Fatalf("order %v, want %v", got, want)
	}
	if two, err := d.store.Dirty(t.Context(), d.clock.Now(), 2); err != nil || len(two) != 2 {
		t.Fatalf("limit: %d, %v", len(two), err)
	}
}

// dirty reports whether a package is dirty or due.
func (d *desk) dirty(id opsdb.ID) bool {
	d.Helper()
	facts, err := d.store.Dirty(d.Context(), d.clock.Now(), 0)
	d.check(err)
	return slices.ContainsFunc(facts, func(f opsdb.Facts) bool { return f.Package.ID == id })
}

func testWake(t *testing.T, open Open) {
	d := newDesk(t, open)
	var packs []opsdb.Package
	for range 3 {
		p := d.pack(1)
		e := d.evaluation(p)
		e.Causes = []string{"link:ccat>cologne", "room:ccat.buffer"}
		d.save(e)
		packs = append(packs, p)
	}
	d.check(d.store.Wake(t.Context(), []string{"link:cologne>cornell"}, 0))
	if d.dirty(packs[0].ID) {
		t.Error("woken by another cause")
	}
	d.check(d.store.Wake(t.Context(), []string{"room:ccat.buffer"}, 2))
	if !d.dirty(packs[0].ID) || !d.dirty(packs[1].ID) || d.dirty(packs[2].ID) {
		t.Error("not the first two were woken")
	}
	e := d.evaluation(packs[0])
	e.WakeAt = d.clock.Now().Add(time.Minute)
	d.save(e)
	if d.dirty(packs[0].ID) {
		t.Error("dirty before it is due")
	}
	d.clock.Advance(time.Minute)
	if !d.dirty(packs[0].ID) {
		t.Error("not due")
	}
	other := d.evaluation(packs[1])
	other.Causes = []string{"package:" + string(packs[2].ID)}
	d.save(other)
	d.check(d.store.Wake(t.Context(), []string{"room:ccat.buffer"}, 0))
	if !d.dirty(packs[1].ID) {
		t.Error("a change of the package it waits for did not wake it")
	}
}

func testWorld(t *testing.T, open Open) {
	d := newDesk(t, open)
	w, err := d.store.World(t.Context())
	d.check(err)
	if w.Epoch == "" || w.Revision != d.rev || !w.Now.Equal(start()) || !w.Observed.Equal(start()) || len(w.Locations) != 7 || len(w.Links) != 2 {
		t.Fatalf("world %+v", w)
	}
	if l := w.Locations["ccat.buffer"]; l.Free != -1 || l.Capacity != 1000 || l.Type != opsdb.Buffer || l.Down != nil {
		t.Errorf("location %+v", l)
	}
	if w.Sites["ccat"].Down != nil {
		t.Errorf("site %+v", w.Sites["ccat"])
	}
	d.clock.Advance(opsdb.WorkerTTL + time.Second)
	if w, err = d.store.World(t.Context()); err != nil || w.Sites["ccat"].Down == nil || w.Sites["ccat"].Down.Reason != "no_worker" || !w.Sites["ccat"].Down.Since.Equal(start()) {
		t.Errorf("silent site %+v, %v", w.Sites["ccat"].Down, err)
	}
	d.present()
	d.check(d.store.Absent(t.Context(), "w"))
	if w, err = d.store.World(t.Context()); err != nil || w.Sites["ccat"].Down == nil {
		t.Errorf("a site without workers is up, %v", err)
	}
	p := d.pack(1)
	m := d.move(p, "ship", "transfer", "ccat.primecam", "cologne.buffer")
	d.save(d.evaluation(p, m))
	if w, err = d.store.World(t.Context()); err != nil || w.Waiting["ccat.primecam"] != 500 || w.Links["ccat>cologne"].Backlog != 500 {
		t.Errorf("waiting %v, link %+v, %v", w.Waiting, w.Links["ccat>cologne"], err)
	}
	d.save(d.evaluation(p))
	if w, err = d.store.World(t.Context()); err != nil || w.Waiting["ccat.primecam"] != 0 || w.Links["ccat>cologne"].Backlog != 0 {
		t.Errorf("waiting %v, link %+v, %v", w.Waiting, w.Links["ccat>cologne"], err)
	}
}

func testActs(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	d.condemn(p, "ccat.buffer")
	w, err := d.store.World(t.Context())
	d.check(err)
	if w.Condemned["ccat.buffer"] != 500 {
		t.Errorf("condemned %v", w.Condemned)
	}
	e := d.evaluation(p)
	e.Pardon = []opsdb.ID{d.copyAt(p.ID, "ccat.buffer").ID}
	d.save(e)
	if c := d.copyAt(p.ID, "ccat.buffer"); c.State != opsdb.Present || !c.CondemnedAge.IsZero() {
		t.Errorf("pardoned %+v", c)
	}
	d.condemn(p, "ccat.buffer")
	e = d.evaluation(p)
	e.Wanted = []string{"ccat.buffer"} // S2: it is pardoned though nobody says so
	d.save(e)
	d.stateAt(p.ID, "ccat.buffer", opsdb.Present)
	e = d.evaluation(p)
	e.Lose = []opsdb.ID{d.copyAt(p.ID, "ccat.buffer").ID}
	d.save(e)
	if c := d.copyAt(p.ID, "ccat.buffer"); c.State != opsdb.Lost || c.Before != opsdb.Present {
		t.Errorf("lost %+v", c)
	}
	for kind, want := range map[string]int{opsdb.EventCondemned: 2, opsdb.EventPardoned: 2, opsdb.EventCopyLost: 1} {
		if n := d.events(kind); n != want {
			t.Errorf("%d events %s, want %d", n, kind, want)
		}
	}
}
