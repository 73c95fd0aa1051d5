package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ccatobs/cdt/opsdb"
)

// object is one file found below a location's root.
type object struct {
	location, path string
	size           int64
}

func (o object) String() string { return o.location + ":" + opsdb.ShowPath(o.path) }

func (o object) key() original { return original{o.location, o.path} }

// sightings is what was read from the disks; safe for concurrent use.
type sightings struct {
	mu       *sync.Mutex
	bags     map[original]bag           // archived tars
	digests  map[original]opsdb.Digest  // tars in buffers, files of staged trees
	sidecars map[original]opsdb.Sidecar // in archives
	files    map[original]int64         // everything, with its size
}

func newSightings() sightings {
	return sightings{&sync.Mutex{}, map[original]bag{}, map[original]opsdb.Digest{}, map[original]opsdb.Sidecar{}, map[original]int64{}}
}

// judgeMarker looks at which location a root says it is (S9).
func (r *run) judgeMarker(ctx context.Context, location string) {
	text, err := r.readMarker(ctx, location)
	var m opsdb.Marker
	switch {
	case err != nil:
		r.violate("S9", "location:"+location, "the marker cannot be read: %v", err)
	case json.Unmarshal(text, &m) != nil:
		r.violate("S9", "location:"+location, "the marker is garbled")
	case m.Location != location:
		r.violate("S9", "location:"+location, "the root carries the marker of %s", m.Location)
	}
}

func (r *run) readMarker(ctx context.Context, location string) ([]byte, error) {
	f, err := r.openPath(ctx, location, opsdb.MarkerName)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// walk lists what lies at a location.
func (r *run) walk(ctx context.Context, location string) ([]object, error) {
	if o, ok := r.Objects[location]; ok {
		return r.list(ctx, location, o)
	}
	return r.walkFolder(location)
}

// walkFolder lists what lies below a location's root. Leftovers of attempts are
// noted, and what is no regular file where only CDT writes breaks S10.
func (r *run) walkFolder(location string) ([]object, error) {
	root := r.Roots[location]
	var out []object
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed while we looked, which is what a system at work does
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case rel == opsdb.MarkerName:
			return nil
		case d.IsDir() && ours(rel):
			r.noteLeftovers(location, rel)
			return fs.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			r.judgeIrregular(location, rel, d)
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		out = append(out, object{location, rel, info.Size()})
		return nil
	})
	for _, o := range out {
		r.seen.files[o.key()] = o.size
	}
	return out, err
}

func (r *run) judgeIrregular(location, rel string, d fs.DirEntry) {
	if t := r.Types[location]; t == opsdb.Archive || t == opsdb.Buffer {
		r.violate("S10", object{location, rel, 0}.String(), "is no regular file but %s", d.Type())
	}
}

func (r *run) noteLeftovers(location, dir string) {
	entries, err := os.ReadDir(filepath.Join(r.Roots[location], dir))
	if err != nil {
		r.note("location:"+location, "cannot look into %s: %v", dir, err)
		return
	}
	for _, e := range entries {
		r.note(object{location, dir + "/" + e.Name(), 0}.String(), "a leftover")
	}
}

// readObject reads what must be read of one object.
func (r *run) readObject(ctx context.Context, o object) error {
	typ := r.Types[o.location]
	switch {
	case typ == opsdb.Archive && strings.HasSuffix(o.path, ".json"):
		return r.readSidecar(ctx, o)
	case typ == opsdb.Archive:
		return r.readArchived(ctx, o)
	case typ == opsdb.Buffer, typ == opsdb.Processing && r.known.inTree(o.key()):
		return r.readPlain(ctx, o)
	}
	return nil
}

// open opens an object; nil if it was removed meanwhile.
func (r *run) open(ctx context.Context, o object) (io.ReadCloser, error) {
	f, err := r.openPath(ctx, o.location, o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o, err)
	}
	return f, nil
}

func (r *run) openPath(ctx context.Context, location, path string) (io.ReadCloser, error) {
	if o, ok := r.Objects[location]; ok {
		return o.Open(ctx, path)
	}
	return os.Open(filepath.Join(r.Roots[location], path))
}

func (r *run) readArchived(ctx context.Context, o object) error {
	f, err := r.open(ctx, o)
	if f == nil {
		return err
	}
	defer f.Close()
	b, err := readBag(ctx, &told{f, func(n int64) { r.count(o.String(), n) }})
	if err != nil {
		return fmt.Errorf("read %s: %w", o, err)
	}
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	r.seen.bags[o.key()] = b
	return nil
}

func (r *run) readPlain(ctx context.Context, o object) error {
	f, err := r.open(ctx, o)
	if f == nil {
		return err
	}
	defer f.Close()
	digest, _, err := digestOf(ctx, &told{f, func(n int64) { r.count(o.String(), n) }})
	if err != nil {
		return fmt.Errorf("read %s: %w", o, err)
	}
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	r.seen.digests[o.key()] = digest
	return nil
}

func (r *run) readSidecar(ctx context.Context, o object) error {
	f, err := r.open(ctx, o)
	if f == nil {
		return err
	}
	defer f.Close()
	var s opsdb.Sidecar
	if err := json.NewDecoder(f).Decode(&s); err != nil {
		r.violate(SidecarBad, o.String(), "cannot be read: %v", err)
		return nil
	}
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	r.seen.sidecars[o.key()] = s
	return nil
}

// told is a reader that tells how many bytes went through it.
type told struct {
	f    io.Reader
	tell func(n int64)
}

func (t *told) Read(p []byte) (int, error) {
	n, err := t.f.Read(p)
	t.tell(int64(n))
	return n, err
}
