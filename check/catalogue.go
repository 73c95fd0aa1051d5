package check

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// original is the key of a source file: where and under which true path.
type original struct{ location, path string }

// catalogue is what OpsDB says at one moment.
type catalogue struct {
	packages map[opsdb.ID]opsdb.Facts
	byName   map[string]opsdb.ID
	members  map[opsdb.ID][]opsdb.Member
	files    map[original]opsdb.File
	unrouted map[original]bool // no route selects the file
	skipped  map[original]string
	copies   map[original][]opsdb.Copy // by location and own path
	tasks    map[opsdb.ID]opsdb.Task
}

// page is how many rows are asked for at once.
const page = 1000

func readCatalogue(ctx context.Context, s Reader, types map[string]opsdb.LocationType) (catalogue, error) {
	c := catalogue{
		packages: map[opsdb.ID]opsdb.Facts{}, byName: map[string]opsdb.ID{}, members: map[opsdb.ID][]opsdb.Member{},
		files: map[original]opsdb.File{}, unrouted: map[original]bool{}, skipped: map[original]string{}, copies: map[original][]opsdb.Copy{}, tasks: map[opsdb.ID]opsdb.Task{},
	}
	for _, read := range []func(context.Context, Reader) error{c.readPackages, c.readMembers, c.readFiles, c.readTasks} {
		if err := read(ctx, s); err != nil {
			return c, err
		}
	}
	for _, location := range slices.Sorted(maps.Keys(types)) {
		skips, err := s.Skips(ctx, location)
		if err != nil {
			return c, fmt.Errorf("read what was skipped at %s: %w", location, err)
		}
		for _, k := range skips {
			c.skipped[original{k.Location, k.Path}] = k.Reason
		}
	}
	return c, nil
}

func (c catalogue) readPackages(ctx context.Context, s Reader) error {
	rows := func(after opsdb.ID) ([]opsdb.Facts, error) {
		return s.Packages(ctx, opsdb.Query{After: after, Limit: page})
	}
	return pages("packages", rows, func(f opsdb.Facts) opsdb.ID { return f.Package.ID }, func(f opsdb.Facts) {
		c.packages[f.Package.ID] = f
		c.byName[f.Package.Name] = f.Package.ID
		for _, copied := range f.Copies {
			key := original{copied.Location, copied.Path}
			c.copies[key] = append(c.copies[key], copied)
		}
	})
}

func (c catalogue) readMembers(ctx context.Context, s Reader) error {
	for id := range c.packages {
		for m, err := range s.Members(ctx, id) {
			if err != nil {
				return fmt.Errorf("read the members of package %s: %w", id, err)
			}
			c.members[id] = append(c.members[id], m)
		}
	}
	return nil
}

func (c catalogue) readFiles(ctx context.Context, s Reader) error {
	err := filePages(ctx, s, "", func(f opsdb.File) { c.files[original{f.Location, f.Path}] = f })
	if err != nil {
		return err
	}
	return filePages(ctx, s, "unrouted", func(f opsdb.File) { c.unrouted[original{f.Location, f.Path}] = true })
}

func filePages(ctx context.Context, s Reader, state string, take func(opsdb.File)) error {
	rows := func(after opsdb.ID) ([]opsdb.File, error) {
		return s.Files(ctx, opsdb.Query{State: state, After: after, Limit: page})
	}
	return pages("files", rows, func(f opsdb.File) opsdb.ID { return f.ID }, take)
}

func (c catalogue) readTasks(ctx context.Context, s Reader) error {
	rows := func(after opsdb.ID) ([]opsdb.Task, error) {
		return s.Tasks(ctx, opsdb.Query{After: after, Limit: page})
	}
	return pages("tasks", rows, func(t opsdb.Task) opsdb.ID { return t.ID }, func(t opsdb.Task) { c.tasks[t.ID] = t })
}

// pages reads rows page by page until one is empty. A page that does not go
// on from the last would never end, and is an error.
func pages[T any](what string, rows func(after opsdb.ID) ([]T, error), id func(T) opsdb.ID, take func(T)) error {
	seen := map[opsdb.ID]bool{}
	for after := opsdb.ID(""); ; {
		got, err := rows(after)
		if err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
		if len(got) == 0 {
			return nil
		}
		for _, row := range got {
			if seen[id(row)] {
				return fmt.Errorf("read %s: %s came twice", what, id(row))
			}
			seen[id(row)] = true
			take(row)
		}
		after = id(got[len(got)-1])
	}
}

// with adds what another moment's catalogue knew and this one does not.
func (c catalogue) with(other catalogue) catalogue {
	for id, f := range other.packages {
		if _, ok := c.packages[id]; !ok {
			c.packages[id], c.members[id], c.byName[f.Package.Name] = f, other.members[id], id
		}
	}
	for key, copies := range other.copies {
		if _, ok := c.copies[key]; !ok {
			c.copies[key] = copies
		}
	}
	return c
}

// whole returns the copy that OpsDB believes to lie whole under a location and path.
func (c catalogue) whole(key original) (opsdb.Copy, bool) {
	i := slices.IndexFunc(c.copies[key], whole)
	if i < 0 {
		return opsdb.Copy{}, false
	}
	return c.copies[key][i], true
}

// quarantined reports whether what lies under a location and path is set apart.
func (c catalogue) quarantined(key original) bool {
	if _, ok := c.whole(key); ok {
		return false // made again under the same name
	}
	return slices.ContainsFunc(c.copies[key], func(copied opsdb.Copy) bool { return copied.State == opsdb.Quarantined })
}
