package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/opsdb"
)

func group(n int, bytes int64) opsdb.Group {
	return opsdb.Group{ID: "g1", Route: "raw", Stage: "pack", Location: "ccat.primecam", Instrument: "primecam", Observation: "Obs 7/A", Module: "-",
		Files: n, Bytes: bytes, First: epoch, Last: epoch, Version: 3}
}

// TestSplit is scenario A3: grouping by size at its edges.
func TestSplit(t *testing.T) {
	t.Parallel()
	many := make([]int64, 9000)
	for i := range many {
		many[i] = gb / 10
	}
	for _, c := range []struct {
		name  string
		sizes []int64
		want  string // bytes (in GB) of each package with its files
	}{
		{"none", nil, ""},
		{"one", []int64{1 * gb}, "1/1"},
		{"exactly the maximum", []int64{20 * gb, 30 * gb}, "50/2"},
		{"one byte more", []int64{20 * gb, 30*gb + 1}, "20/1 30/1"},
		{"one larger than the maximum is alone", []int64{1 * gb, 60 * gb, 2 * gb}, "3/2 60/1"},
		{"first fit in order", []int64{40 * gb, 20 * gb, 10 * gb}, "50/2 20/1"},
		{"nine thousand", many, strings.TrimSpace(strings.Repeat("50/500 ", 18))},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var files []opsdb.File
			for i, size := range c.sizes {
				files = append(files, opsdb.File{ID: opsdb.ID(fmt.Sprint(i)), Location: "ccat.primecam", Path: fmt.Sprintf("o/%05d", i), Size: size, ModTime: epoch.Add(-time.Hour)})
			}
			var got []string
			total := 0
			for _, n := range engine.Split(ccat("cologne"), group(len(files), 0), files) {
				got = append(got, fmt.Sprintf("%d/%d", n.Package.Bytes/gb, n.Package.Files))
				total += len(n.Files)
				if n.Package.Size <= n.Package.Bytes || n.Package.Destination != "ccat.buffer" || n.Package.Dir != "raw/obs-7-a" || !n.Package.ObservedAt.Equal(epoch.Add(-time.Hour)) {
					t.Errorf("package %+v", n.Package)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" || total != len(files) {
				t.Errorf("%d of %d files: %s", total, len(files), diff)
			}
		})
	}
}

// S8: a database that was put back packs nothing, whatever `close_when` says.
func TestRestoredDatabaseClosesNoGroup(t *testing.T) {
	t.Parallel()
	g := ccat("cologne")
	w, grp := worldOf(g), group(2, gb)
	grp.Finished = true
	if !engine.EvaluateGroup(g, w, grp, epoch).Close {
		t.Fatal("it does not close without that")
	}
	w.Restored = &opsdb.Restored{}
	if c := engine.EvaluateGroup(g, w, grp, epoch); c.Close || c.Reason == "" {
		t.Errorf("%+v", c)
	}
}

func TestSplitOrdersByPath(t *testing.T) {
	t.Parallel()
	files := []opsdb.File{{Path: "b"}, {Path: "a\xff"}, {Path: "a"}}
	got := engine.Split(ccat("cologne"), group(3, 0), files)[0].Files
	if got[0].Path != "a" || got[1].Path != "a\xff" || got[2].Path != "b" || files[0].Path != "b" {
		t.Errorf("%+v", got)
	}
}

func TestEvaluateGroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		close string // close_when; "" for the default
		set   func(*opsdb.Group)
		shut  bool
		wake  time.Duration // from now; 0: never
	}{
		{"open", "group.finished || group.bytes >= GB(50) || group.idle >= minutes(10)", func(*opsdb.Group) {}, false, 8 * time.Minute},
		{"finished", "group.finished || group.bytes >= GB(50) || group.idle >= minutes(10)", func(g *opsdb.Group) { g.Finished = true }, true, 0},
		{"full, exactly", "group.bytes >= GB(50)", func(g *opsdb.Group) { g.Bytes = 50 * gb }, true, 0},
		{"not quite full", "group.bytes >= GB(50)", func(g *opsdb.Group) { g.Bytes = 50*gb - 1 }, false, 0},
		{"idle", "group.idle >= minutes(10)", func(g *opsdb.Group) { g.Last = epoch.Add(-10 * time.Minute) }, true, 0},
		{"default, open", "", func(*opsdb.Group) {}, false, 8 * time.Minute},
		{"default, idle", "", func(g *opsdb.Group) { g.Last = epoch.Add(-time.Hour) }, true, 0},
		{"no files", "group.finished", func(g *opsdb.Group) { g.Files, g.Finished = 0, true }, false, 0},
		{"stage gone", "", func(g *opsdb.Group) { g.Stage = "other"; g.Finished = true }, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := ccat("cologne")
			if c.close != "" {
				stageOf(g, "pack").CloseWhen = program(t, expr.Close, c.close)
			}
			w := worldOf(g)
			w.Observed = epoch.Add(2 * time.Minute)
			now := epoch.Add(time.Hour) // the store's clock has nothing to do with it
			grp := group(2, gb)
			c.set(&grp)
			got := engine.EvaluateGroup(g, w, grp, now)
			want := time.Time{}
			if c.wake != 0 {
				want = now.Add(c.wake)
			}
			if got.Close != c.shut || !got.Wake.Equal(want) || got.Close == (got.Reason != "") {
				t.Errorf("%+v, want close %v, wake %s", got, c.shut, want)
			}
		})
	}
}

func TestRouteFiles(t *testing.T) {
	t.Parallel()
	g := ccat("cologne")
	stageOf(g, "pack").Select = program(t, expr.Select, `group.program != "ENG"`)
	files := []opsdb.File{
		{ID: "1", Location: "ccat.primecam", Instrument: "primecam", Observation: "o", Module: "m", Program: "Cal"},
		{ID: "2", Location: "ccat.primecam", Program: "ENG"},
		{ID: "3", Location: "cologne.buffer"},
	}
	got, err := engine.RouteFiles(g, files, epoch)
	if err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := got[0]; r.File != "1" || r.Route != "raw" || r.Stage != "pack" || r.Key != `{"instrument":"primecam","module":"m","observation":"o"}` || r.Group.Program != "Cal" {
		t.Errorf("%+v", r)
	}
	stageOf(g, "pack").Select = program(t, expr.Priority, "1")
	if got, err := engine.RouteFiles(g, files[:1], epoch); err == nil || len(got) != 0 {
		t.Errorf("a select that fails: %+v, %v", got, err)
	}
}

func TestWhyFile(t *testing.T) {
	t.Parallel()
	g := ccat("cologne")
	pack := stageOf(g, "pack")
	pack.Select, pack.CloseWhen = program(t, expr.Select, `group.program != "ENG"`), program(t, expr.Close, "group.finished || group.idle >= minutes(10)")
	w := worldOf(g)
	w.Observed = epoch.Add(2 * time.Minute)
	file := opsdb.File{ID: "1", Location: "ccat.primecam", Path: "o/a%b", State: opsdb.Present}
	with := func(change func(*opsdb.File)) opsdb.File { f := file; change(&f); return f }
	packages := []opsdb.Package{{Name: "raw-o-m-1-12345678"}}
	for _, c := range []struct {
		state string
		x     engine.FileExplanation
		says  string
	}{
		{engine.FileSkipped, engine.WhySkipped(opsdb.Skip{Location: "ccat.primecam", Path: "p", Reason: "not a regular file: fifo"}), "fifo"},
		{engine.FileUnrouted, engine.WhyFile(g, w, with(func(f *opsdb.File) { f.Program = "ENG" }), nil, nil, epoch), `group.program != "ENG"`},
		{engine.FileUnrouted, engine.WhyFile(g, w, with(func(f *opsdb.File) { f.Location = "cologne.buffer" }), nil, nil, epoch), "no package stage looks at cologne.buffer"},
		{engine.FileNew, engine.WhyFile(g, w, file, nil, nil, epoch), "about to be put into a group"},
		{engine.FileGrouped, engine.WhyFile(g, w, file, []opsdb.Group{group(2, gb)}, nil, epoch), "no   group.idle >= minutes(10)"},
		{engine.FilePacked, engine.WhyFile(g, w, file, nil, packages, epoch), "raw-o-m-1-12345678"},
		{engine.FilePacked, engine.WhyFile(g, w, with(func(f *opsdb.File) { f.State = opsdb.Deleted }), nil, packages, epoch), "the source file is deleted"},
		{engine.FileGone, engine.WhyFile(g, w, with(func(f *opsdb.File) { f.State = opsdb.Lost }), nil, nil, epoch), "lost"},
	} {
		if text := c.x.Text(); c.x.State != c.state || !strings.Contains(text, c.says) {
			t.Errorf("want %s and %q:\n%s", c.state, c.says, text)
		}
	}
	if text := engine.WhyFile(g, w, file, nil, nil, epoch).Text(); !strings.Contains(text, "ccat.primecam:o/a%25b") {
		t.Errorf("the path is not shown as people see it:\n%s", text)
	}
}
