package disk

import (
	"context"
	"errors"
	"iter"
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

// dir streams one directory and reports whether to go on. Its entries come as
// their paths sort: a directory stands where "name/" does.
func (w walker) dir(at *dir, path string) bool {
	sorted := &keys{limit: keysHeld}
	defer sorted.close()
	err := eachName(at, func(e named) error {
		switch {
		case path == "" && own(e.name):
			return nil
		case e.dir:
			return sorted.add(e.name + "/")
		}
		return sorted.add(e.name)
	})
	if err != nil {
		return w.fail(path, err)
	}
	for key, err := range sorted.all() {
		if err != nil {
			return w.fail(path, err)
		}
		if !w.entry(at, path, key) {
			return false
		}
	}
	return true
}

// entry streams what has one name. What went or became something else since the directory was read is left out.
func (w walker) entry(at *dir, path, key string) bool {
	if err := w.ctx.Err(); err != nil {
		w.yield(storage.Info{Path: path}, err)
		return false
	}
	if name, isDir := strings.CutSuffix(key, "/"); isDir {
		return w.below(at, path, name)
	}
	st, err := at.stat(key)
	switch {
	case errors.Is(err, unix.ENOENT):
		return true
	case err != nil:
		return w.fail(join(path, key), err)
	case modeOf(st.Mode).IsDir():
		return true
	}
	return w.yield(infoOf(join(path, key), st), nil)
}

// below streams a directory in a directory.
func (w walker) below(at *dir, path, name string) bool {
	sub, err := at.sub(name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, storage.ErrIrregular) {
		return true
	}
	if err != nil {
		return w.fail(join(path, name), err)
	}
	defer sub.close()
	return w.dir(sub, join(path, name))
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
