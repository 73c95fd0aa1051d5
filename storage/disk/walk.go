package disk

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

// List implements [storage.Storage]. A prefix that is not there has nothing below it.
func (d *Disk) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return d.stream(ctx, prefix, true)
}

// Walk implements [storage.Tree]. A dir that is not there is fs.ErrNotExist.
func (d *Disk) Walk(ctx context.Context, dir string) iter.Seq2[storage.Info, error] {
	return d.stream(ctx, dir, false)
}

func (d *Disk) stream(ctx context.Context, top string, lenient bool) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		err := d.walk(ctx, top, yield)
		if err == nil || lenient && errors.Is(err, unix.ENOENT) {
			return
		}
		yield(storage.Info{Path: top}, d.failed("walk", top, err))
	}
}

// walk opens the top; its error is of the top itself.
func (d *Disk) walk(ctx context.Context, top string, yield func(storage.Info, error) bool) error {
	var names []string
	if top = strings.TrimSuffix(top, "/"); top != "" && top != "." {
		var err error
		if names, err = split(top); err != nil {
			return err
		}
	} else {
		top = ""
	}
	root, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer root.close()
	c, err := descend(root, names)
	if err != nil {
		return err
	}
	defer c.close()
	w := walker{ctx, d, yield}
	w.dir(c.leaf(), top)
	return nil
}

type walker struct {
	ctx   context.Context
	disk  *Disk
	yield func(storage.Info, error) bool
}

// entry is one name in a directory, with the key that sorts it as its path sorts: a
// directory stands where "name/" does.
type entry struct {
	key  string
	name string
	st   unix.Stat_t
}

// dir streams one directory and reports whether to go on.
func (w walker) dir(at *dir, path string) bool {
	entries, ok := w.entries(at, path)
	for i := range entries {
		if !ok {
			return false
		}
		ok = w.entry(at, path, entries[i])
	}
	return ok
}

func (w walker) entries(at *dir, path string) ([]entry, bool) {
	names, err := namesIn(at)
	if err != nil {
		return nil, w.fail(path, err)
	}
	var entries []entry
	for _, name := range names {
		if path == "" && own(name) {
			continue
		}
		st, err := at.stat(name)
		if errors.Is(err, unix.ENOENT) {
			continue // gone meanwhile
		}
		if err != nil {
			if !w.fail(join(path, name), err) {
				return nil, false
			}
			continue
		}
		e := entry{name, name, st}
		if modeOf(st.Mode).IsDir() {
			e.key += "/"
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries, true
}

func (w walker) entry(at *dir, path string, e entry) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Info{Path: path}, err)
		return false
	}
	p := join(path, e.name)
	if !modeOf(e.st.Mode).IsDir() {
		return w.yield(infoOf(p, e.st), nil)
	}
	sub, err := at.sub(e.name)
	if errors.Is(err, unix.ENOENT) {
		return true
	}
	if err != nil {
		return w.fail(p, err)
	}
	defer sub.close()
	return w.dir(sub, p)
}

func (w walker) fail(path string, err error) bool {
	return w.yield(storage.Info{Path: path}, w.disk.failed("walk", path, err))
}

// join keeps a name as it is, whatever bytes it has.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
