package opsdbtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func testFiling(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"again":       testFiledAgain,
		"changed":     testFileChanges,
		"packed":      testPackedConflict,
		"missing":     testMissing,
		"names":       testNames,
		"skips":       testSkips,
		"observation": testFinishedObservation,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// known lists the files of the source.
func (d *desk) known() []opsdb.File {
	d.Helper()
	var files []opsdb.File
	for f, err := range d.store.KnownFiles(d.Context(), "ccat.primecam") {
		d.check(err)
		files = append(files, f)
	}
	return files
}

// refile files one file and returns what became of it.
func (d *desk) refile(f opsdb.File) (filed int, refused error) {
	d.Helper()
	filed, results, err := d.store.FileFiles(d.Context(), []opsdb.File{f})
	d.check(err)
	return filed, results[0]
}

func testFiledAgain(t *testing.T, open Open) {
	d := newDesk(t, open)
	f := d.file(1)[0]
	again := f
	again.ID = opsdb.NewID() // another process found it, too
	if filed, err := d.refile(again); filed != 0 || err != nil {
		t.Fatalf("filed %d, %v", filed, err)
	}
	all := d.known()
	if len(all) != 1 || all[0].ID != f.ID || all[0].Version != 1 || all[0].State != opsdb.Present || !all[0].FiledAt.Equal(start()) || !all[0].ModTime.Equal(f.ModTime) {
		t.Fatalf("known %+v", all)
	}
	if !slices.Equal(all[0].Tags, f.Tags) || all[0].Identity != f.Identity {
		t.Fatalf("known %+v", all[0])
	}
	taken := d.rawFile("obs/other.dat")
	taken.ID = f.ID
	if filed, err := d.refile(taken); filed != 0 || !errors.Is(err, opsdb.ErrConflict) {
		t.Fatalf("another file under a known id: %d, %v", filed, err)
	}
	twice := d.rawFile("obs/twice.dat")
	filed, results, err := d.store.FileFiles(t.Context(), []opsdb.File{twice, twice, {Location: "ccat.primecam"}})
	d.check(err)
	if filed != 1 || results[0] != nil || results[1] != nil || results[2] == nil {
		t.Fatalf("filed %d, %v", filed, results)
	}
}

func testFileChanges(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(2)
	g := d.route("raw", "k", files)
	d.check(d.store.KeepGroup(t.Context(), g.ID, g.Version, time.Time{}, "open"))
	changed := files[0]
	changed.Size = 250
	if filed, err := d.refile(changed); filed != 1 || err != nil {
		t.Fatalf("filed %d, %v", filed, err)
	}
	g = d.group("raw", "k")
	if g.Bytes != 350 || g.Files != 2 {
		t.Fatalf("group %+v", g)
	}
	if f := d.known()[0]; f.Size != 250 || f.Version != 2 || f.ID != files[0].ID {
		t.Fatalf("file %+v", f)
	}
	d.balanced()
}

func testPackedConflict(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(1)
	d.closeGroup(d.route("raw", "k", files))
	other := files[0]
	other.Size = 7
	for range 2 {
		if filed, err := d.refile(other); filed != 0 || !errors.Is(err, opsdb.ErrConflict) {
			t.Fatalf("filed %d, %v", filed, err)
		}
	}
	if n := d.events(opsdb.EventFileChanged); n != 1 {
		t.Fatalf("%d events of one conflict", n)
	}
	if f := d.known()[0]; f.Size != 100 {
		t.Fatalf("file %+v", f)
	}
}

func testMissing(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(3)
	p := d.closeGroup(d.route("raw", "packed", files[:1]))
	d.route("raw", "open", files[1:])
	d.save(d.evaluation(p))
	ids := []opsdb.ID{files[0].ID, files[1].ID, opsdb.NewID()}
	for range 2 {
		d.check(d.store.Missing(t.Context(), "ccat.primecam", ids))
	}
	if g := d.group("raw", "open"); g.Files != 1 || g.Bytes != 100 {
		t.Errorf("group %+v", g)
	}
	f := d.facts(p.ID)
	if f.Gone != 1 || f.Package.Version == f.Package.Evaluated || d.copyAt(p.ID, "ccat.primecam").Size != 0 {
		t.Errorf("facts %+v", f)
	}
	d.balanced()
	if filed, err := d.refile(files[0]); filed != 1 || err != nil {
		t.Fatalf("found again: %d, %v", filed, err)
	}
	if f := d.facts(p.ID); f.Gone != 0 || d.copyAt(p.ID, "ccat.primecam").Size != 100 {
		t.Errorf("found again: %+v", f)
	}
	d.balanced()
}

func testNames(t *testing.T, open Open) {
	d := newDesk(t, open)
	names := []string{"a\nb", "a%b", "\xff\xfe", "ü", "'; DROP TABLE file; --", "z"}
	for _, name := range names {
		if _, err := d.refile(d.rawFile(name)); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	var got []string
	for _, f := range d.known() {
		got = append(got, f.Path)
		found, err := d.store.FindFile(t.Context(), "ccat.primecam:"+opsdb.ShowPath(f.Path))
		if err != nil || found.ID != f.ID {
			t.Errorf("find %s: %v", opsdb.ShowPath(f.Path), err)
		}
	}
	if !slices.Equal(got, names) {
		t.Fatalf("got %q, want %q", got, names)
	}
}

func testSkips(t *testing.T, open Open) {
	d := newDesk(t, open)
	skip := []opsdb.Skip{{Location: "ccat.primecam", Path: "a\xff", Reason: "not a regular file: fifo"}}
	for range 2 {
		d.check(d.store.Skip(t.Context(), skip))
	}
	got, err := d.store.Skips(t.Context(), "ccat.primecam")
	d.check(err)
	if len(got) != 1 || got[0].Path != "a\xff" || got[0].Reason != skip[0].Reason || d.events(opsdb.EventFileSkipped) != 1 {
		t.Fatalf("skips %+v", got)
	}
}

func testFinishedObservation(t *testing.T, open Open) {
	d := newDesk(t, open)
	g := d.route("raw", "k", d.file(1))
	if g.Finished {
		t.Fatal("finished already")
	}
	d.check(d.store.KeepGroup(t.Context(), g.ID, g.Version, time.Time{}, ""))
	d.check(d.store.FinishObservation(t.Context(), "chai", "obs"))
	if groups, err := d.store.DirtyGroups(t.Context(), d.clock.Now(), 0); err != nil || len(groups) != 0 {
		t.Fatalf("another instrument's observation: %v, %v", groups, err)
	}
	d.check(d.store.FinishObservation(t.Context(), "", "obs"))
	if g := d.group("raw", "k"); !g.Finished {
		t.Fatalf("group %+v", g)
	}
	if late := d.route("raw", "late", d.file(1)); !late.Finished {
		t.Fatalf("a group of a finished observation: %+v", late)
	}
}
