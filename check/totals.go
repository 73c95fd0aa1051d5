package check

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// looks is how often the sums are compared before a difference counts: a
// system at work may change between the two readings.
const looks = 3

// judgeTotals compares OpsDB's sums with the rows they are of (S12).
func (r *run) judgeTotals(ctx context.Context) error {
	var differences []string
	for range looks {
		totals, err := r.Store.Totals(ctx)
		if err != nil {
			return fmt.Errorf("read the totals: %w", err)
		}
		own := map[string]map[opsdb.CopyState]opsdb.Sum{}
		err = filePages(ctx, r.Store, "", func(f opsdb.File) { addTo(own, f) })
		if err != nil {
			return err
		}
		if differences = compareSums(own, totals.Files); len(differences) == 0 {
			return nil
		}
	}
	for _, d := range differences {
		r.violate("S12", "files", "%s", d)
	}
	return nil
}

func addTo(sums map[string]map[opsdb.CopyState]opsdb.Sum, f opsdb.File) {
	if sums[f.Location] == nil {
		sums[f.Location] = map[opsdb.CopyState]opsdb.Sum{}
	}
	s := sums[f.Location][f.State]
	sums[f.Location][f.State] = opsdb.Sum{Count: s.Count + 1, Bytes: s.Bytes + f.Size}
}

func compareSums(own, said map[string]map[opsdb.CopyState]opsdb.Sum) []string {
	var out []string
	places := map[string]bool{}
	for location := range own {
		places[location] = true
	}
	for location := range said {
		places[location] = true
	}
	for _, location := range slices.Sorted(maps.Keys(places)) {
		states := map[opsdb.CopyState]bool{}
		for s := range own[location] {
			states[s] = true
		}
		for s := range said[location] {
			states[s] = true
		}
		for _, s := range slices.Sorted(maps.Keys(states)) {
			if a, b := own[location][s], said[location][s]; a != b {
				out = append(out, fmt.Sprintf("%s has %d files with %d bytes that are %q, the totals say %d with %d", location, a.Count, a.Bytes, s, b.Count, b.Bytes))
			}
		}
	}
	return out
}

// copiesLeft counts, per location that is no archive, the packages that have bytes on its disk.
func (r *run) copiesLeft() map[string]int {
	left := map[string]map[opsdb.ID]bool{}
	for _, location := range r.looked() {
		if r.Types[location] != opsdb.Archive {
			left[location] = map[opsdb.ID]bool{}
		}
	}
	for key := range r.seen.files {
		if set, ok := left[key.location]; ok {
			if id, ok := r.packageOf(key); ok {
				set[id] = true
			}
		}
	}
	for id, f := range r.known.packages {
		set, ok := left[f.Package.Source]
		if ok && slices.ContainsFunc(r.known.members[id], func(m opsdb.Member) bool {
			_, there := r.seen.files[original{f.Package.Source, m.Path}]
			return there
		}) {
			set[id] = true
		}
	}
	out := map[string]int{}
	for location, set := range left {
		out[location] = len(set)
	}
	return out
}

// packageOf says of which package a file is: the copy of that path, the tree it lies in, or the package of its name.
func (r *run) packageOf(key original) (opsdb.ID, bool) {
	for p := key.path; p != "." && p != "/"; p = path.Dir(p) {
		for _, c := range r.known.copies[original{key.location, p}] {
			return c.Package, true
		}
	}
	if t := r.Types[key.location]; t != opsdb.Buffer {
		return "", false
	}
	id, ok := r.known.byName[strings.TrimSuffix(path.Base(key.path), ".tar")]
	return id, ok
}
