package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// BenchmarkBulk files 10,000 files a call up to 100,000, routes them in
// batches, and closes them into one package; it reports rows of files a second.
func BenchmarkBulk(b *testing.B) {
	const batch, batches = 10_000, 10
	s, err := Open(b.Context(), b.TempDir()+"/cdt.db", Options{Clock: clock.System{}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // a benchmark's
	if _, err := s.Activate(b.Context(), opsdb.Revision{Digest: "d"}, opsdb.Mirror{}); err != nil {
		b.Fatal(err)
	}
	for range b.N {
		spent := map[string]time.Duration{}
		step := func(name string, f func() error) {
			from := time.Now()
			if err := f(); err != nil {
				b.Fatal(name, err)
			}
			spent[name] += time.Since(from)
		}
		run := opsdb.NewID()
		for i := range batches {
			files := make([]opsdb.File, batch)
			ids := make([]opsdb.ID, batch)
			routings := make([]opsdb.Routing, batch)
			for k := range files {
				files[k] = opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: fmt.Sprintf("%s/%06d.dat", run, i*batch+k), Size: 100, ModTime: time.Unix(1e9, 0), Instrument: "i", Observation: "o"}
				ids[k] = files[k].ID
				routings[k] = opsdb.Routing{File: ids[k], Route: "r", Stage: "p", Key: string(run)}
			}
			step("file", func() error { _, _, err := s.FileFiles(b.Context(), files); return err })
			step("file again", func() error { _, _, err := s.FileFiles(b.Context(), files); return err })
			step("route", func() error { return s.Route(b.Context(), ids, routings) })
		}
		groups, err := s.DirtyGroups(b.Context(), time.Now(), 1)
		if err != nil || len(groups) != 1 {
			b.Fatal(len(groups), err)
		}
		var files []opsdb.File
		step("list", func() (err error) { files, err = s.GroupFiles(b.Context(), groups[0].ID); return err })
		step("close", func() error {
			_, err := s.CloseGroup(b.Context(), groups[0].ID, groups[0].Version, 1, []opsdb.NewPackage{{Files: files}})
			return err
		})
		step("chain", func() error {
			for {
				if n, err := s.Chain(b.Context()); err != nil || n == 0 {
					return err
				}
			}
		})
		for name, d := range spent {
			b.ReportMetric(batch*batches/d.Seconds(), strings.ReplaceAll(name, " ", "-")+"/s")
		}
	}
}
