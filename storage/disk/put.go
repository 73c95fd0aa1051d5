package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// ProvesFirst implements [storage.Prover].
func (d *Disk) ProvesFirst() {}

// Put implements [storage.Storage]. What fails leaves no part behind: it could not be gone on with.
func (d *Disk) Put(ctx context.Context, p storage.Put) (storage.Reading, error) {
	r, err := d.put(ctx, p)
	return r, d.failed("put", p.Path, err)
}

func (d *Disk) put(ctx context.Context, p storage.Put) (r storage.Reading, err error) {
	name, err := nameOf(p.Attempt)
	if err != nil {
		return r, err
	}
	c, err := d.begin(ctx, name, p.Path, p.Progress)
	if err != nil {
		return r, err
	}
	defer c.end()
	if p.Soon {
		c.keep = keptAtMost
	}
	want, written, err := c.write(p)
	if err == nil {
		r, err = c.commit(want, written)
	}
	if err != nil {
		return storage.Reading{}, errors.Join(err, d.removeIfThere(context.WithoutCancel(ctx), c.parts, name))
	}
	return r, nil
}

// commit is the way of one part file to its final name.
type commit struct {
	ctx      context.Context
	disk     *Disk
	root     *dir
	parts    *dir   // .part
	part     string // its name there
	final    []string
	progress storage.Progress
	along    *follower // of a large part that is read back while it is written
	keep     int64     // how many bytes that were read back may stay in the cache
}

// begin checks the path and the marker and opens .part.
func (d *Disk) begin(ctx context.Context, part, path string, progress storage.Progress) (*commit, error) {
	final, err := splitFinal(path)
	if err != nil {
		return nil, err
	}
	root, err := d.enter(ctx)
	if err != nil {
		return nil, err
	}
	parts, err := root.make(ctx, d.kernel, opsdb.PartDir)
	if err != nil {
		root.close()
		return nil, err
	}
	return &commit{ctx: ctx, disk: d, root: root, parts: parts, part: part, final: final, progress: progress}, nil
}

func (c *commit) end() {
	if c.along != nil {
		c.along.end(0, errAbandoned)
	}
	c.parts.close()
	c.root.close()
}

// write fills the part with the content and makes it durable.
func (c *commit) write(p storage.Put) (storage.Expect, *guard, error) {
	f, err := c.disk.create(c.ctx, c.parts, c.part)
	if err != nil {
		return storage.Expect{}, nil, err
	}
	follow := func() (*follower, error) {
		parts := p.Segmented && c.disk.segment == opsdb.SegmentSize
		return c.disk.follow(c.ctx, f, c.parts, c.part, parts, c.keep, tell(c.progress, storage.ReadingBack))
	}
	size, written, along, err := c.disk.fill(c.ctx, f, p.Write, tell(c.progress, storage.Moving), guard{off: p.Segmented}, follow)
	if c.along = along; along != nil {
		along.lastStep() // what is left is the sync's below
	}
	if err == nil {
		err = c.ctx.Err()
	}
	if err != nil {
		return storage.Expect{}, nil, errors.Join(err, f.Close())
	}
	want := storage.Expect{}
	if p.Expect != nil {
		want = p.Expect()
	}
	if want.Digest == "" {
		if p.Segmented {
			return want, nil, errors.Join(errors.New("a digest was promised and is not there"), f.Close())
		}
		want.Size = size
	}
	if want.Size != size {
		return want, nil, errors.Join(fmt.Errorf("wrote %d bytes, expected %d: %w", size, want.Size, storage.ErrMismatch), f.Close())
	}
	tell(c.progress, storage.Syncing)(0)
	if err := c.disk.syncClose(c.ctx, f); err != nil {
		return want, nil, err
	}
	tell(c.progress, storage.Syncing)(size)
	return want, &written, nil
}

// commit re-reads the part and gives it its final name, or adopts what has it.
// written, if given, is of what went in: it speaks where there is no digest to expect.
func (c *commit) commit(want storage.Expect, written *guard) (storage.Reading, error) {
	r, got, err := c.readBack(want)
	if err == nil {
		err = compare(r, want)
	}
	if err == nil && written != nil && (!written.off && got != *written || r.Size != want.Size) {
		err = fmt.Errorf("read back %d bytes that are not the %d written: %w", r.Size, want.Size, storage.ErrMismatch)
	}
	if err == nil {
		err = c.disk.stillThere(c.ctx, c.root)
	}
	if err != nil {
		return r, err
	}
	tell(c.progress, storage.Committing)(0)
	return c.place(r)
}

// readBack digests the part, all of which is durable, from the medium.
func (c *commit) readBack(want storage.Expect) (storage.Reading, guard, error) {
	if c.along != nil {
		tell(c.progress, storage.ReadingBack)(0)
		if r, got, known, err := c.along.result(want); known {
			return r, got, err
		}
	}
	return c.disk.readKept(c.ctx, c.parts, c.part, synced, c.keep, c.progress)
}

// place names the part without replacing.
func (c *commit) place(r storage.Reading) (storage.Reading, error) {
	err := c.disk.moveInto(c.ctx, c.root, c.parts, c.part, c.final)
	if !errors.Is(err, unix.EEXIST) {
		return r, err
	}
	r, err = c.adopt(storage.Expect{Digest: r.Digest, Size: r.Size})
	if err != nil {
		return r, err
	}
	return r, c.disk.removeIfThere(c.ctx, c.parts, c.part)
}

// adopt takes what has the final name, if it is what was to be put.
func (c *commit) adopt(want storage.Expect) (storage.Reading, error) {
	last := len(c.final) - 1
	to, err := descend(c.root, c.final[:last])
	if err != nil {
		return storage.Reading{}, err
	}
	defer to.close()
	r, err := c.disk.readBack(c.ctx, to.leaf(), c.final[last], want, c.progress)
	if errors.Is(err, storage.ErrMismatch) || errors.Is(err, storage.ErrIrregular) {
		return r, fmt.Errorf("%w with other content: %v", fs.ErrExist, err)
	}
	if err != nil {
		return r, err
	}
	// Whoever named it may have been killed before the directory was synced.
	return r, c.disk.syncChain(c.ctx, to)
}

// PutSmall implements [storage.Storage].
func (d *Disk) PutSmall(ctx context.Context, a storage.Attempt, path string, content []byte) error {
	return d.failed("put", path, d.putSmall(ctx, a, path, content))
}

func (d *Disk) putSmall(ctx context.Context, a storage.Attempt, path string, content []byte) error {
	name, err := nameOf(a)
	if err != nil {
		return err
	}
	c, err := d.begin(ctx, name+smallSuffix, path, nil)
	if err != nil {
		return err
	}
	defer c.end()
	sum, err := d.writeSmall(ctx, c.parts, c.part, content)
	if err != nil {
		return err
	}
	if _, err := c.commit(storage.Expect{Digest: sum, Size: int64(len(content))}, nil); err != nil {
		return errors.Join(err, d.removeIfThere(context.WithoutCancel(ctx), c.parts, c.part))
	}
	return nil
}
