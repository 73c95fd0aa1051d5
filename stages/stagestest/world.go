package stagestest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

// The locations of a [World].
const (
	Source     = "ccat.primecam"
	Buffer     = "ccat.buffer"
	Landing    = "cologne.buffer"
	Archive    = "cologne.lta"
	Processing = "cologne.ramses"
)

// Locations are all of them, with their types.
func Locations() map[string]opsdb.LocationType {
	return map[string]opsdb.LocationType{
		Source: opsdb.Source, Buffer: opsdb.Buffer, Landing: opsdb.Buffer, Archive: opsdb.Archive, Processing: opsdb.Processing,
	}
}

// Ground is what the suite stands on: a registry over storages that are ready
// (marked, empty), each with its root in the file system.
type Ground struct {
	Registry stages.Registry
	Storages storage.Catalog
	Root     func(location string) string
}

// World is one package with its copies, and the part of a store that a run's facts go into.
type World struct {
	Ground
	Package opsdb.Package
	Table   []opsdb.Member
	Content map[string]string // true path → content
	Copies  map[string]opsdb.Copy
	// Gate answers Confirm.
	Gate func(n int) error
	// Failure is the last failure of the task, as the next attempt sees it.
	Failure *opsdb.Failure

	t      testing.TB
	tasks  map[string]opsdb.ID
	tokens int64
}

// ModTime is the modification time of every source file.
func ModTime() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC) }

// NewWorld writes source files and freezes them as the members of a package.
func NewWorld(t testing.TB, g Ground, content map[string]string) *World {
	t.Helper()
	w := &World{Ground: g, t: t, Content: content, Copies: map[string]opsdb.Copy{}, tasks: map[string]opsdb.ID{}}
	w.Package = opsdb.Package{
		ID: opsdb.NewID(), Route: "raw", Stage: "pack", Number: 1, Source: Source, Destination: Buffer,
		Name: "raw-obs1-m1-1-0a1b2c3d", Dir: "raw/obs1", Files: len(content),
		Instrument: "primecam", Observation: "obs1", Module: "m1",
		ObservedAt: ModTime(), MadeAt: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
	}
	for path, text := range content {
		w.WriteSource(path, text)
		w.Package.Bytes += int64(len(text))
	}
	w.Freeze()
	return w
}

// WriteSource writes a source file.
func (w *World) WriteSource(path, text string) {
	w.t.Helper()
	full := filepath.Join(w.Root(Source), path)
	w.must(os.MkdirAll(filepath.Dir(full), 0o755))
	w.must(os.WriteFile(full, []byte(text), 0o644))
	w.must(os.Chtimes(full, ModTime(), ModTime()))
}

// Freeze makes the member table from the source files as they are.
func (w *World) Freeze() {
	w.t.Helper()
	w.Table = nil
	src, err := w.Storages.Storage(Source)
	w.must(err)
	for path := range w.Content {
		info, err := src.Stat(context.Background(), path)
		w.must(err)
		w.Table = append(w.Table, opsdb.Member{Package: w.Package.ID, File: opsdb.NewID(), Path: path,
			Size: info.Size, ModTime: info.ModTime, Identity: info.Identity})
	}
	slices.SortFunc(w.Table, func(a, b opsdb.Member) int { return strings.Compare(a.Path, b.Path) })
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Path is where the package's copy lies at a location.
func (w *World) Path(location string) string {
	switch Locations()[location] {
	case opsdb.Source:
		return ""
	case opsdb.Processing:
		return w.Package.Dir + "/" + w.Package.Name
	}
	return w.Package.Dir + "/" + w.Package.Name + ".tar"
}

// Work is one more attempt of a task.
func (w *World) Work(typ, from, to string, piece opsdb.Piece) *Work {
	key := strings.Join([]string{typ, from, to}, " ")
	if w.tasks[key] == "" {
		w.tasks[key] = opsdb.NewID()
	}
	w.tokens++
	task := opsdb.Task{
		ID: w.tasks[key], Route: "raw", Stage: typ, Type: typ, Package: w.Package.ID, From: from, To: to, Destination: to,
		Piece: piece, State: opsdb.TaskInProgress, Epoch: "e1", Token: w.tokens, Bytes: w.Package.Bytes,
		Path: w.Path(to), Expect: w.Package.Digest, Failure: w.Failure,
	}
	a := opsdb.Assignment{Task: task, Package: w.Package, FromType: Locations()[from], ToType: Locations()[to]}
	if from != to {
		a.Source = w.copyAt(from)
	}
	a.Target = w.copyAt(to)
	return &Work{A: a, Table: slices.Clone(w.Table), Gate: w.Gate}
}

// copyAt is the copy at a location; one that is to be made is Expected.
func (w *World) copyAt(location string) *opsdb.Copy {
	c, ok := w.Copies[location]
	if !ok {
		c = opsdb.Copy{ID: opsdb.NewID(), Package: w.Package.ID, Location: location, Form: opsdb.Tar, State: opsdb.Expected, Path: w.Path(location)}
		switch Locations()[location] {
		case opsdb.Source:
			c.Form, c.State = opsdb.Files, opsdb.Present
		case opsdb.Processing:
			c.Form = opsdb.Tree
		}
		w.Copies[location] = c
	}
	return &c
}

// killed is what a run dies of in [World.Attempt].
type killed struct{ point string }

func (k killed) Error() string { return "killed at " + k.point }

// Attempt runs one attempt and, on a good end, records its facts. With
// kill > 0 the run dies at that effect, like a process; nothing is recorded then.
func (w *World) Attempt(ctx context.Context, work *Work, kill int) (out opsdb.Outcome, err error) {
	w.t.Helper()
	stage, ok := w.Registry.Find(work.A.Task.Type)
	if !ok {
		w.t.Fatalf("no stage type %q", work.A.Task.Type)
	}
	n := 0
	points := &effect.Points{Hook: func(name string) {
		if n++; n == kill {
			panic(killed{name})
		}
	}}
	func() {
		defer func() {
			if k, ok := recover().(killed); ok {
				err = k
			}
		}()
		out, err = stage.Run(effect.With(ctx, points), work)
	}()
	if err == nil {
		w.apply(work, out)
	}
	return out, err
}

// Do runs a task to its end, over all its pieces, and fails the test if it does not end well.
func (w *World) Do(typ, from, to string) opsdb.Outcome {
	w.t.Helper()
	out, err := w.Try(typ, from, to)
	if err != nil {
		w.t.Fatalf("%s from %s to %s: %v", typ, from, to, err)
	}
	return out
}

// Try is Do, but an error is the caller's.
func (w *World) Try(typ, from, to string) (opsdb.Outcome, error) {
	w.t.Helper()
	piece := opsdb.Whole
	if opsdb.SiteOf(from) != opsdb.SiteOf(to) {
		piece = opsdb.Send
	}
	for {
		out, err := w.Attempt(context.Background(), w.Work(typ, from, to, piece), 0)
		if err != nil || out.Next == "" {
			return out, err
		}
		piece = out.Next
	}
}

// apply records the facts of an outcome.
func (w *World) apply(work *Work, out opsdb.Outcome) {
	if out.Packed != nil {
		w.Package.Size, w.Package.Digest = out.Packed.Size, out.Packed.Digest
		w.Package.Segments, w.Package.Manifest = out.Packed.Segments, out.Packed.Manifest
		w.Table = work.Table
	}
	if f := out.Target; f != nil {
		c := *work.A.Target
		c.State, c.Path, c.Size, c.Identity, c.Sidecar = f.State, f.Path, f.Size, f.Identity, f.Sidecar
		for i := range out.Receipts {
			c.Receipt = &out.Receipts[i]
		}
		w.Copies[work.A.Task.To] = c
	}
}

// Read returns the content of a file of a location.
func (w *World) Read(location, path string) (string, error) {
	text, err := os.ReadFile(filepath.Join(w.Root(location), path))
	return string(text), err
}

// Corrupt flips a byte in the middle of a file of a location; its size and modification time stay.
func (w *World) Corrupt(location, path string) {
	w.t.Helper()
	full := filepath.Join(w.Root(location), path)
	before, err := os.Stat(full)
	w.must(err)
	text, err := os.ReadFile(full)
	w.must(err)
	text[len(text)/2] ^= 1
	w.must(os.WriteFile(full, text, 0o644))
	w.must(os.Chtimes(full, before.ModTime(), before.ModTime()))
}

// Missing reports that nothing has the path at a location.
func (w *World) Missing(location, path string) bool {
	_, err := os.Lstat(filepath.Join(w.Root(location), path))
	return errors.Is(err, fs.ErrNotExist)
}

// Litter lists the files that lie in the folders of attempts of all
// locations: after a good end there are none. (Empty folders are for Reclaim.)
func (w *World) Litter() []string {
	var found []string
	for location := range Locations() {
		for _, dir := range []string{opsdb.PartDir, opsdb.TrashDir} {
			root := filepath.Join(w.Root(location), dir)
			_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					found = append(found, location+":"+path)
				}
				return nil
			})
		}
	}
	return found
}
