package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Inventory is what was found at a location, with what a person wants to see of it.
type Inventory struct {
	opsdb.Inventory
	Missing []string // paths that OpsDB has and the location has not, of copies and source files
	Unknown []string // paths of packages of which OpsDB knows nothing
	Ahead   int      // packages that OpsDB knows, and not that they are here: the next task finds them
	New     int      // source files that are not filed yet
	Busy    int      // copies whose deletion is under way: look again when it has ended
}

// stocktaking is one inventory being taken.
type stocktaking struct {
	Inventory
	store  opsdb.Store
	st     storage.Storage
	routes map[string]string     // route by slug
	copies map[string]opsdb.Copy // that must be there, by path
	known  map[string]bool       // every other path that OpsDB knows there
}

// TakeInventory lists what is at a location and holds it against OpsDB (S8). It changes nothing there, and
// in OpsDB only that source files which are gone are missing: the rest is for [opsdb.Restoring.Inventoried].
func TakeInventory(ctx context.Context, store opsdb.Store, places *Places, location string) (Inventory, error) {
	st, err := places.Storage(location)
	if err != nil {
		return Inventory{}, err
	}
	s := stocktaking{store: store, st: st, routes: map[string]string{}, copies: map[string]opsdb.Copy{}, known: map[string]bool{}}
	s.Location, s.Numbers = location, map[string]int64{}
	g := places.Graph()
	for _, r := range g.Routes {
		s.routes[opsdb.Slug(r.Name)] = r.Name
	}
	if _, err := st.Check(ctx); err != nil { // an empty or foreign root is not "everything is gone" (S9)
		return Inventory{}, fmt.Errorf("look at %s: %w", location, err)
	}
	take := s.objects
	switch l := g.Locations[location]; {
	case l != nil && l.Type == opsdb.Source:
		take = s.files
	case l != nil && l.Type == opsdb.Processing:
		take = s.trees
	}
	if err = s.expect(ctx); err == nil {
		err = take(ctx)
	}
	if err != nil {
		return Inventory{}, fmt.Errorf("take the inventory of %s: %w", location, err)
	}
	return s.Inventory, nil
}

// expect reads what must be there.
func (s *stocktaking) expect(ctx context.Context) error {
	q := opsdb.Query{Location: s.Location, Limit: 1000}
	for {
		facts, err := s.store.Packages(ctx, q)
		if err != nil {
			return fmt.Errorf("read its packages: %w", err)
		}
		for _, f := range facts {
			for _, c := range f.Copies {
				s.expectCopy(c)
			}
		}
		if len(facts) < q.Limit {
			return nil
		}
		q.After = facts[len(facts)-1].Package.ID
	}
}

func (s *stocktaking) expectCopy(c opsdb.Copy) {
	switch {
	case c.Location != s.Location:
	case c.State == opsdb.DeletionScheduled || c.State == opsdb.DeletionInProgress:
		s.Busy++
		s.known[c.Path] = true
	case c.Form != opsdb.Files && (c.State == opsdb.Present || c.State == opsdb.Staged || c.State == opsdb.DeletionPossible || c.State == opsdb.DeletionFailed):
		s.copies[c.Path] = c
	default:
		s.known[c.Path] = true
	}
}

// objects holds the tars of a buffer or an archive against the copies.
func (s *stocktaking) objects(ctx context.Context) error {
	for o, err := range s.st.List(ctx, "") {
		if err != nil {
			return fmt.Errorf("list it: %w", err)
		}
		name, ours := packageName(o.Path)
		if !ours {
			continue
		}
		s.number(o.Path, name)
		if _, due := s.copies[o.Path]; due || s.known[o.Path] {
			s.Found++
			delete(s.copies, o.Path)
			continue
		}
		if err := s.stranger(ctx, o.Path, name); err != nil {
			return err
		}
	}
	return s.gone(ctx, func(c opsdb.Copy) (bool, error) {
		_, err := s.st.Stat(ctx, c.Path)
		return !errors.Is(err, fs.ErrNotExist), ignoring(err, fs.ErrNotExist)
	})
}

// trees asks for each unpacked copy of a processing location; what else people keep there is their own.
func (s *stocktaking) trees(ctx context.Context) error {
	tree, ok := s.st.(storage.Tree)
	if !ok {
		return s.objects(ctx)
	}
	total := len(s.copies)
	err := s.gone(ctx, func(c opsdb.Copy) (bool, error) {
		for _, err := range tree.Walk(ctx, c.Path) {
			return !errors.Is(err, fs.ErrNotExist), ignoring(err, fs.ErrNotExist)
		}
		return false, nil
	})
	s.Found = total - len(s.Lost)
	return err
}

// gone records the copies that are still to be there by OpsDB and are not.
func (s *stocktaking) gone(ctx context.Context, there func(opsdb.Copy) (bool, error)) error {
	for at, c := range s.copies {
		is, err := there(c)
		if err != nil {
			return fmt.Errorf("look for %s: %w", opsdb.ShowPath(at), err)
		}
		if is {
			continue
		}
		facts, err := s.store.Facts(ctx, []opsdb.ID{c.Package}) // it may have been deleted meanwhile
		if err != nil {
			return fmt.Errorf("read package %s: %w", c.Package, err)
		}
		for _, f := range facts {
			for _, now := range f.Copies {
				if now.ID == c.ID && now.State == c.State {
					s.Lost, s.Missing = append(s.Lost, c.ID), append(s.Missing, opsdb.ShowPath(at))
				}
			}
		}
	}
	return nil
}

// stranger is a package that OpsDB does not know to be here.
func (s *stocktaking) stranger(ctx context.Context, at, name string) error {
	_, err := s.store.FindPackage(ctx, name)
	switch {
	case errors.Is(err, opsdb.ErrNotFound):
		s.Inventory.Inventory.Unknown++
		s.Unknown = append(s.Unknown, opsdb.ShowPath(at))
		return nil
	case err != nil:
		return fmt.Errorf("look for package %s: %w", name, err)
	}
	s.Ahead++
	return nil
}

// files holds a source location against the files that are filed. Both come in order of path.
func (s *stocktaking) files(ctx context.Context) error {
	tree, ok := s.st.(storage.Tree)
	if !ok {
		return errors.New("its storage holds no files of people")
	}
	next, stop := iter.Pull2(tree.Walk(ctx, "."))
	defer stop()
	here, err, more := next()
	var missing []opsdb.ID
	for f, bad := range s.store.KnownFiles(ctx, s.Location) {
		for more && err == nil && bad == nil && here.Path < f.Path {
			s.fresh(here)
			here, err, more = next()
		}
		if e := errors.Join(bad, err); e != nil {
			return fmt.Errorf("list it: %w", e)
		}
		if more && here.Path == f.Path {
			s.Found++
			here, err, more = next()
			continue
		}
		missing, s.Missing = append(missing, f.ID), append(s.Missing, opsdb.ShowPath(f.Path))
	}
	for ; more && err == nil; here, err, more = next() {
		s.fresh(here)
	}
	if err != nil {
		return fmt.Errorf("list it: %w", err)
	}
	if err := s.store.Missing(ctx, s.Location, missing); err != nil {
		return fmt.Errorf("record missing files: %w", err)
	}
	return nil
}

func (s *stocktaking) fresh(i storage.Info) {
	if i.Mode.IsRegular() {
		s.New++
	}
}

// number takes note of the number in a package's name, so that none is given twice.
func (s *stocktaking) number(at, name string) {
	route, known := s.routes[strings.SplitN(at, "/", 2)[0]]
	parts := strings.Split(name, "-")
	if !known || len(parts) < 3 {
		return
	}
	if n, err := strconv.ParseInt(parts[len(parts)-2], 10, 64); err == nil {
		s.Numbers[route] = max(s.Numbers[route], n)
	}
}

// packageName is the name of the package whose tar lies at a path.
func packageName(at string) (string, bool) {
	base, tar := strings.CutSuffix(path.Base(at), ".tar")
	if !tar {
		base, tar = repaired(path.Base(at))
	}
	return base, tar
}

// repaired takes the end off the name of a repair, "<name>.tar.r2" (S3).
func repaired(base string) (string, bool) {
	m := regexp.MustCompile(`^(.+?)(?:\.tar)?\.r[0-9]+(?:\.tar)?$`).FindStringSubmatch(base)
	if m == nil {
		return base, false
	}
	return m[1], true
}

func ignoring(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
