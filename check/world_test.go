package check_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
)

// world is a small observatory whose one package has gone the whole way: the
// disks, the rows and the events, made by hand so that each can be spoilt.
type world struct {
	t      *testing.T
	root   string
	now    time.Time
	config check.Config
	db     *database
	pack   *packing
	pkg    opsdb.Package
	files  []opsdb.File
}

// database is an OpsDB of slices.
type database struct {
	packages []opsdb.Facts
	members  map[opsdb.ID][]opsdb.Member
	files    []opsdb.File
	unrouted []opsdb.File
	skips    []opsdb.Skip
	tasks    []opsdb.Task
	events   []opsdb.Event
	totals   *opsdb.Totals // nil: the sums of files
	broken   map[string]error
}

func after[T any](rows []T, id func(T) opsdb.ID, q opsdb.Query) []T {
	var out []T
	for _, row := range rows {
		if id(row) > q.After && len(out) < 2 { // small pages, so that paging is tried
			out = append(out, row)
		}
	}
	return out
}

func (d *database) Packages(_ context.Context, q opsdb.Query) ([]opsdb.Facts, error) {
	return after(d.packages, func(f opsdb.Facts) opsdb.ID { return f.Package.ID }, q), d.broken["packages"]
}

func (d *database) Members(_ context.Context, pkg opsdb.ID) iter.Seq2[opsdb.Member, error] {
	return seq(d.members[pkg], d.broken["members"])
}

func (d *database) Files(_ context.Context, q opsdb.Query) ([]opsdb.File, error) {
	rows := d.files
	if q.State == "unrouted" {
		rows = d.unrouted
	}
	return after(rows, func(f opsdb.File) opsdb.ID { return f.ID }, q), d.broken["files"]
}

func (d *database) Skips(_ context.Context, location string) ([]opsdb.Skip, error) {
	return slices.DeleteFunc(slices.Clone(d.skips), func(s opsdb.Skip) bool { return s.Location != location }), d.broken["skips"]
}

func (d *database) Tasks(_ context.Context, q opsdb.Query) ([]opsdb.Task, error) {
	return after(d.tasks, func(t opsdb.Task) opsdb.ID { return t.ID }, q), d.broken["tasks"]
}

func (d *database) Totals(context.Context) (opsdb.Totals, error) {
	if d.totals != nil {
		return *d.totals, nil
	}
	t := opsdb.Totals{Files: map[string]map[opsdb.CopyState]opsdb.Sum{}}
	for _, f := range d.files {
		if t.Files[f.Location] == nil {
			t.Files[f.Location] = map[opsdb.CopyState]opsdb.Sum{}
		}
		s := t.Files[f.Location][f.State]
		t.Files[f.Location][f.State] = opsdb.Sum{Count: s.Count + 1, Bytes: s.Bytes + f.Size}
	}
	return t, d.broken["totals"]
}

func (d *database) Events(context.Context, int64) iter.Seq2[opsdb.Event, error] {
	return seq(d.events, d.broken["events"])
}

func seq[T any](rows []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

func (w *world) path(location, path string) string { return filepath.Join(w.root, location, path) }

func (w *world) write(location, path string, content []byte) {
	w.t.Helper()
	full := w.path(location, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(full, content, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) writeJSON(location, path string, v any) {
	w.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(location, path, text)
}

func (w *world) remove(location, path string) {
	w.t.Helper()
	if err := os.Remove(w.path(location, path)); err != nil {
		w.t.Fatal(err)
	}
}

// event adds an event a minute after the last.
func (w *world) event(kind, subject, location string, after any) {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	e := opsdb.Event{ID: opsdb.NewID(), Version: 1, At: w.now, Actor: "engine", Kind: kind, Subject: subject, Package: w.pkg.ID, Location: location}
	if after != nil {
		text, err := json.Marshal(after)
		if err != nil {
			w.t.Fatal(err)
		}
		e.After = string(text)
	}
	w.db.events = append(w.db.events, e)
}

// chainEvents gives every event its number and hash, as the sequencer would.
func (w *world) chainEvents() {
	w.t.Helper()
	var last opsdb.Digest
	for i := range w.db.events {
		e := &w.db.events[i]
		e.Seq, e.Hash = int64(i+1), ""
		text, err := json.Marshal(*e)
		if err != nil {
			w.t.Fatal(err)
		}
		e.Hash = digest(append([]byte(last), text...))
		last = e.Hash
	}
}

// find returns the n-th event (from 0) of a kind.
func (w *world) find(kind string, n int) *opsdb.Event {
	w.t.Helper()
	for i := range w.db.events {
		if w.db.events[i].Kind == kind {
			if n == 0 {
				return &w.db.events[i]
			}
			n--
		}
	}
	w.t.Fatalf("there is no such event %s", kind)
	return nil
}

// drop removes all events of a kind, at one location if it is given.
func (w *world) drop(kind, location string) {
	w.db.events = slices.DeleteFunc(w.db.events, func(e opsdb.Event) bool {
		return e.Kind == kind && (location == "" || e.Location == location)
	})
}

// proof changes the proof of the first deletion.
func (w *world) proof(change func(p *opsdb.DeletionProof)) {
	w.t.Helper()
	e := w.find(opsdb.EventDeleting, 0)
	var p opsdb.DeletionProof
	if err := json.Unmarshal([]byte(e.After), &p); err != nil {
		w.t.Fatal(err)
	}
	change(&p)
	text, err := json.Marshal(p)
	if err != nil {
		w.t.Fatal(err)
	}
	e.After = string(text)
}

// copyAt returns the package's copy at a location.
func (w *world) copyAt(location string) *opsdb.Copy {
	w.t.Helper()
	copies := w.db.packages[0].Copies
	for i := range copies {
		if copies[i].Location == location {
			return &copies[i]
		}
	}
	w.t.Fatalf("there is no copy at %s", location)
	return nil
}

func (w *world) run() check.Report {
	w.t.Helper()
	report, err := check.Run(w.t.Context(), w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func digest(content []byte) opsdb.Digest {
	sum := sha256.Sum256(content)
	return opsdb.Digest(hex.EncodeToString(sum[:]))
}
