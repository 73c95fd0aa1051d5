//go:build servers

package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// first is what the program of the first schema left behind when it was killed: the database, the places, and what the
// files were. obs1 is in both archives and gone elsewhere, with a hold on a package; obs2 is packed, and both links
// over the ocean are paused; obs3 was just filed.
const first = "testdata/first"

// A PostgreSQL database of the first schema, with all that lay at the sites then, is put back as docs/operations says, brought up to
// this version, and goes on: what was there is there, orders stand, what was under way arrives, and the checker finds nothing.
func TestUpgradeOfADatabaseFromTheFirstSchema(t *testing.T) {
	t.Parallel()
	f := newFleet(t, testserver.Postgres(t), "MB(1)")
	f.truth = firstFiles(t)
	unpack(t, filepath.Join(first, "left.tar.gz"), f.root)
	f.tool("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", f.url, "-f", filepath.Join(f.root, "cdt.sql"))
	dtctl(t, exitGood, "migrate", "--db", f.url)
	dtctl(t, exitGood, "audit", "verify", "--db", f.url)
	before, events := f.asItWas()

	engine := f.engine()
	engine.waitFor(`"msg":"serving"`)
	all := []*served{engine, f.worker("ccat"), f.worker("cologne"), f.worker("cornell")}
	f.fill("obs4", 100_000, 40_000, rand.New(rand.NewPCG(4, 4))) //nolint:gosec // repeatable on purpose
	f.until("the new files are in packages beside the old ones", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		n, err := s.Totals(ctx)
		facts, more := s.Packages(ctx, opsdb.Query{Limit: 1000})
		return n.Grouped.Count == 0 && n.Unrouted.Count == 0 && len(facts) > len(before)+1, errors.Join(err, more)
	})
	if out, _ := dtctl(t, exitGood, "status", "--db", f.url); !strings.Contains(out, "paused: link:ccat>cologne") {
		t.Errorf("the pauses of then do not show: %s", out)
	}
	for _, link := range []string{"link:ccat>cologne", "link:ccat>cornell"} {
		dtctl(t, exitGood, "resume", link, "--db", f.url)
	}
	f.until("everything is archived and cleaned up", 3*time.Minute, f.finishedSave(emptied))
	for id, p := range before {
		f.sameAsThen(id, p)
	}
	dtctl(t, exitGood, "verify", before[firstOf(before)].Name, "--db", f.url)
	f.until("an old copy was read again", time.Minute, func(ctx context.Context, s looker) (bool, error) {
		tasks, err := s.Tasks(ctx, opsdb.Query{Package: firstOf(before), State: string(opsdb.TaskCompleted)})
		n := 0
		for _, k := range tasks {
			if k.Type == "verify" {
				n++
			}
		}
		return n > 0, err
	})
	for _, p := range all {
		p.stop()
	}
	f.check()
	dtctl(t, exitGood, "audit", "verify", "--db", f.url)
	if _, now := f.asItWas(); now <= events {
		t.Errorf("the log had %d events, and has %d", events, now)
	}
}

// emptied is the package of the files that had just been filed: put back, they are other
// files of the same names, so that it has none, and they go in a package of their own.
const emptied = "every file changed"

// finishedSave is finished, but for packages that are set apart for a reason.
func (f *fleet) finishedSave(why string) func(context.Context, looker) (bool, error) {
	return func(ctx context.Context, s looker) (bool, error) {
		apart := map[opsdb.ID]bool{}
		for e, err := range s.Events(ctx, 0) {
			if err != nil {
				return false, err
			}
			if e.Kind == opsdb.EventSuperseded && strings.Contains(e.Why, why) {
				apart[e.Package] = true
			}
		}
		facts, err := s.Packages(ctx, opsdb.Query{Limit: 1000})
		all := len(facts)
		facts = slices.DeleteFunc(facts, func(p opsdb.Facts) bool { return apart[p.Package.ID] })
		return len(facts) == all-1 && f.cleaned(facts), err
	}
}

// asItWas are the packages of the database, and how many events it has.
func (f *fleet) asItWas() (map[opsdb.ID]opsdb.Package, int) {
	f.t.Helper()
	facts, err := f.look().Packages(f.t.Context(), opsdb.Query{Limit: 1000})
	if err != nil {
		f.t.Fatal(err)
	}
	packages, events := map[opsdb.ID]opsdb.Package{}, 0
	for _, p := range facts {
		packages[p.Package.ID] = p.Package
	}
	for _, err := range f.look().Events(f.t.Context(), 0) {
		if err != nil {
			f.t.Fatal(err)
		}
		events++
	}
	if len(packages) < 2 || events == 0 {
		f.t.Fatalf("%d packages and %d events of then", len(packages), events)
	}
	return packages, events
}

// sameAsThen holds a package's identity and digest against what they were: they are born once.
func (f *fleet) sameAsThen(id opsdb.ID, then opsdb.Package) {
	f.t.Helper()
	p, err := f.look().FindPackage(f.t.Context(), string(id))
	if err != nil || p.Name != then.Name || p.Number != then.Number || p.Digest != then.Digest && then.Packed() || !p.MadeAt.Equal(then.MadeAt) {
		f.t.Errorf("package %+v was %+v (%v)", p, then, err)
	}
}

func firstOf(packages map[opsdb.ID]opsdb.Package) (id opsdb.ID) {
	for i, p := range packages {
		if id == "" || p.Number < packages[id].Number {
			id = i
		}
	}
	return id
}

// firstFiles are the files that the first program was given.
func firstFiles(t *testing.T) (out []check.Original) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(first, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files []struct {
		Path, Digest string
		Size, NS     int64
	}
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	for _, o := range files {
		out = append(out, check.Original{Path: o.Path, Size: o.Size, Digest: opsdb.Digest(o.Digest), ModTime: time.Unix(0, o.NS)})
	}
	return out
}

// unpack unpacks a compressed tar with its times.
func unpack(t *testing.T, name, to string) {
	t.Helper()
	file, err := os.Open(name) //nolint:gosec // of this test
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = unpackOne(r, h, filepath.Join(to, filepath.Clean(h.Name))) //nolint:gosec // of this test
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func unpackOne(r io.Reader, h *tar.Header, to string) error {
	if h.Typeflag == tar.TypeDir {
		return os.MkdirAll(to, 0o755)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(to, content, h.FileInfo().Mode().Perm()), os.Chtimes(to, h.ModTime, h.ModTime))
}
