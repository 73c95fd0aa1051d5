package check_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
)

// unspoilt runs changes that break no rule.
func unspoilt(t *testing.T, cases map[string]func(w *world)) {
	t.Helper()
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			change(w)
			for _, v := range w.run().Violations {
				t.Errorf("violation: %s", v)
			}
		})
	}
}

func TestWhatBreaksNoRule(t *testing.T) {
	t.Parallel()
	unspoilt(t, map[string]func(w *world){
		"leftovers of attempts": func(w *world) {
			w.write(first, ".part/x", []byte("half"))
			w.write(summit, ".trash/x", []byte("half"))
		},
		"a quarantined object beside its repair": func(w *world) {
			bad := *w.copyAt(first)
			bad.ID, bad.State = opsdb.NewID(), opsdb.Quarantined
			good := w.copyAt(first)
			good.Path = dir + name + ".r1.tar"
			w.db.packages[0].Copies = append(w.db.packages[0].Copies, bad)
			w.archive(first, good.Path, dir+name+".r1.json")
			w.write(first, tarPath, []byte("rotten"))
		},
		"a lost object made again under its name": func(w *world) {
			lost := *w.copyAt(first)
			lost.ID, lost.State = opsdb.NewID(), opsdb.Lost
			w.db.packages[0].Copies = append([]opsdb.Copy{lost}, w.db.packages[0].Copies...)
		},
		"a copy that is on its way": func(w *world) {
			w.db.packages[0].Copies = append(w.db.packages[0].Copies, opsdb.Copy{ID: opsdb.NewID(), Package: w.pkg.ID, Location: landing, Form: opsdb.Tar, Path: tarPath, State: opsdb.Expected})
		},
		"a file nobody selects": func(w *world) {
			f := opsdb.File{ID: opsdb.NewID(), Location: telescope, Path: "eng.dat", State: opsdb.Present}
			w.db.files, w.db.unrouted = append(w.db.files, f), []opsdb.File{f}
			w.config.Truth[telescope] = append(w.config.Truth[telescope], check.Original{Path: f.Path})
			w.write(telescope, f.Path, nil)
		},
		"a file that was skipped": func(w *world) {
			w.db.skips = []opsdb.Skip{{Location: telescope, Path: "x.tmp", Reason: "ignored"}}
			w.config.Truth[telescope] = append(w.config.Truth[telescope], check.Original{Path: "x.tmp"})
			w.write(telescope, "x.tmp", nil)
		},
		"no truth but what OpsDB knows": func(w *world) { w.config.Truth = nil },
		"what is not done yet": func(w *world) {
			w.config.Finished = false
			w.config.Truth[telescope] = append(w.config.Truth[telescope], check.Original{Path: "late.dat"})
			w.write(telescope, "late.dat", nil)
		},
		"a file that is just being deleted": told(func(w *world) {
			w.config.Finished = false
			w.drop(opsdb.EventFileDeleted, "")
		}),
	})
}

// processed records, right after the packing and so before all else, that the package was sent over the ocean to a location.
func (w *world) processed(location string, kind opsdb.LocationType) {
	w.t.Helper()
	w.config.Types[location], w.config.Roots[location] = kind, w.path(location, "")
	w.writeJSON(location, opsdb.MarkerName, opsdb.Marker{Version: 1, Location: location})
	born := slices.IndexFunc(w.db.events, func(e opsdb.Event) bool { return e.Kind == opsdb.EventPackaged })
	at := w.db.events[born].At
	w.arrive(summit, location)
	last := len(w.db.events) - 1
	e := w.db.events[last]
	r := w.receipt(location)
	r.Task, r.At = w.db.tasks[len(w.db.tasks)-1].ID, at
	text, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	e.At, e.After = at, string(text)
	w.db.events = slices.Insert(w.db.events[:last], born+1, e)
}

// What lies unpacked at a processing location is nobody's source: a package that is there only may cross again to be
// kept. What is kept beyond the ocean is one, also for what is to be processed.
func TestCrossingsPastAnUnpackedCopy(t *testing.T) {
	t.Parallel()
	unspoilt(t, map[string]func(w *world){
		"sent to be kept where an unpacked copy is": told(func(w *world) { w.processed(ramses, opsdb.Processing) }),
	})
	judge(t, []spoil{
		{"sent to be kept where another buffer has it", check.SendOnce, told(func(w *world) { w.processed("cologne.other", opsdb.Buffer) })},
		{"sent to be processed where an archive has it", check.SendOnce, told(func(w *world) {
			w.config.Types[ramses] = opsdb.Processing
			w.arrive(summit, ramses)
		})},
		{"sent to be kept where all bytes have arrived elsewhere", check.SendOnce, told(func(w *world) {
			w.event(opsdb.EventCopySent, "copy:x", landing2, opsdb.Sent{Link: "ccat>cornell", Bytes: w.pkg.Size, Arrived: true})
			w.rightAfterPacking()
		})},
	})
	unspoilt(t, map[string]func(w *world){
		"sent to be kept where what had arrived was spoilt": told(func(w *world) {
			w.event(opsdb.EventCopySpoilt, "copy:x", landing2, nil)
			w.rightAfterPacking()
			w.event(opsdb.EventCopySent, "copy:x", landing2, opsdb.Sent{Link: "ccat>cornell", Bytes: w.pkg.Size, Arrived: true})
			w.rightAfterPacking()
		}),
	})
}

// rightAfterPacking puts the last event there, and so before all else.
func (w *world) rightAfterPacking() {
	born := slices.IndexFunc(w.db.events, func(e opsdb.Event) bool { return e.Kind == opsdb.EventPackaged })
	last := len(w.db.events) - 1
	e := w.db.events[last]
	e.At = w.db.events[born].At
	w.db.events = slices.Insert(w.db.events[:last], born+1, e)
}

// A crossing that began before another site had the package is let end, as when its destination was out of reach meanwhile;
// one that failed is not begun again.
func TestCrossingsThatBeganBefore(t *testing.T) {
	t.Parallel()
	before := func(w *world) opsdb.ID {
		task := &w.db.tasks[len(w.db.tasks)-1]
		task.CreatedAt = w.find(opsdb.EventPackaged, 0).At
		return task.ID
	}
	unspoilt(t, map[string]func(w *world){
		"ended after": told(func(w *world) {
			w.arrive(summit, landing2)
			before(w)
		}),
	})
	judge(t, []spoil{{"sent again after", check.SendOnce, told(func(w *world) {
		w.event(opsdb.EventCopySent, "copy:x", landing2, opsdb.Sent{Link: "ccat>cornell"})
		w.arrive(summit, landing2)
		w.db.events[len(w.db.events)-2].Before = "task:" + string(before(w))
	})}})
}

func TestLeftoversAreNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(first, ".part/x", []byte("half"))
	report := w.run()
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0].Subject, ".part/x") {
		t.Errorf("notes: %v", report.Notes)
	}
}

func TestCopiesLeftAreCountedFromDisks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Finished = false
	w.archive(landing, tarPath, ".part/sidecar")
	w.buffer()
	w.write(telescope, "obs1/m1/a.dat", nil)
	w.stage()
	left := w.run().CopiesLeft
	if left[landing] != 1 || left[telescope] != 1 || left[ramses] != 1 || left[summit] != 0 {
		t.Errorf("copies left: %v", left)
	}
}

const ramses = "cologne.ramses"

// stage unpacks the package at a processing location.
func (w *world) stage() {
	w.config.Types[ramses], w.config.Roots[ramses] = opsdb.Processing, w.path(ramses, "")
	w.writeJSON(ramses, opsdb.MarkerName, opsdb.Marker{Version: 1, Location: ramses})
	for i, f := range w.files {
		w.write(ramses, dir+name+"/"+f.Path, w.pack.content[i])
	}
	w.write(ramses, "somebody/notes.txt", []byte("mine"))
	w.db.packages[0].Copies = append(w.db.packages[0].Copies, opsdb.Copy{ID: opsdb.NewID(), Package: w.pkg.ID, Location: ramses, Form: opsdb.Tree, Path: dir + name, State: opsdb.Staged})
}

func TestSpoiltTreesAreFound(t *testing.T) {
	t.Parallel()
	unspoilt(t, map[string]func(w *world){"as it was staged": (*world).stage})
	judge(t, []spoil{
		{"a staged file that is gone", check.Gone, func(w *world) { w.stage(); w.remove(ramses, dir+name+"/obs1/m1/a.dat") }},
		{"a staged file with other bytes", check.Wrong, func(w *world) {
			w.stage()
			w.write(ramses, dir+name+"/obs1/m1/a.dat", []byte("other"))
		}},
	})
}

func TestTakeLeavesOutWhatIsNoData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("data", "a/b", []byte("x"))
	w.write("data", opsdb.MarkerName, nil)
	w.write("data", ".part/c", nil)
	if err := os.Symlink("a", w.path("data", "link")); err != nil {
		t.Fatal(err)
	}
	got, err := check.Take(t.Context(), w.path("data", ""))
	if err != nil || len(got) != 1 || got[0].Path != "a/b" || got[0].Size != 1 || got[0].Digest != digest([]byte("x")) {
		t.Errorf("took %+v, %v", got, err)
	}
	if _, err := check.Take(t.Context(), w.path("data", "none")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
