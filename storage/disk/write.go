package disk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
)

const (
	blockSize = 1 << 19 // of reads and writes, bytes
	smallSize = 1 << 15 // of those of small files, bytes: a million of them would leave as many large ones behind
	blocks    = 4       // in flight between the producer and the disk
	window    = 8 << 20 // bytes after which the kernel is told to begin writing, or to forget
	behind    = 8       // windows that may be unwritten before the writer waits
)

// filler is the writer a Put is given. Small content stays in one buffer, and very small in a small one;
// from the second block on, another goroutine writes while the next is produced.
type filler struct {
	ctx   context.Context
	disk  *Disk
	f     *os.File
	moved func(int64)

	cur     *[]byte
	used    int
	size    int64
	guard   guard
	full    chan []byte
	free    chan *[]byte
	stopped chan struct{} // closed when the goroutine has ended
	failed  chan struct{} // closed at its first error
	err     error         // of the goroutine; read after failed or stopped
	flushed int64

	follow func() (*follower, error) // nil: nobody reads along
	along  *follower
}

// fill lets produce write into f and returns how much it wrote with its guard.
// If it is large, and there is a follow, it is being read back already.
func (d *Disk) fill(ctx context.Context, f *os.File, produce func(io.Writer) error, moved func(int64), g guard, follow func() (*follower, error)) (int64, guard, *follower, error) {
	w := &filler{ctx: ctx, disk: d, f: f, moved: moved, guard: g, follow: follow}
	w.cur = d.block(0)
	err := produce(w)
	return w.size, w.guard, w.along, errors.Join(err, w.finish(err == nil))
}

// Write implements io.Writer.
func (w *filler) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if w.used == len(*w.cur) {
			if err := w.more(); err != nil {
				return n, err
			}
		}
		m := copy((*w.cur)[w.used:], p[n:])
		w.used += m
		n += m
	}
	return n, nil
}

// ReadFrom implements io.ReaderFrom: what is copied in is read straight into the buffer.
func (w *filler) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	for {
		if w.used == len(*w.cur) {
			if err := w.more(); err != nil {
				return total, err
			}
		}
		n, err := r.Read((*w.cur)[w.used:])
		w.used += n
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// more makes room: the content outgrows the small block, or a block is full.
func (w *filler) more() error {
	if len(*w.cur) == blockSize {
		return w.pass()
	}
	small := w.cur
	w.cur = w.disk.block(blockSize)
	copy(*w.cur, *small)
	w.disk.release(small)
	return nil
}

// pass hands the current block to the disk and takes an empty one.
func (w *filler) pass() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.full == nil {
		w.start()
	}
	w.count()
	select {
	case w.full <- (*w.cur)[:w.used]:
	case <-w.failed:
		return w.err
	}
	w.used = 0
	w.cur = <-w.free
	return nil
}

func (w *filler) count() {
	w.guard.add((*w.cur)[:w.used])
	w.size += int64(w.used)
}

func (w *filler) start() {
	w.full = make(chan []byte)
	w.free = make(chan *[]byte, blocks)
	w.stopped, w.failed = make(chan struct{}), make(chan struct{})
	for range blocks - 1 {
		w.free <- w.disk.block(blockSize)
	}
	go w.drain()
}

func (w *filler) drain() {
	defer close(w.stopped)
	for b := range w.full {
		err := w.put(b)
		whole := b[:blockSize]
		w.free <- &whole
		if err != nil {
			w.err = err
			close(w.failed)
			return
		}
	}
}

// put writes one block and keeps the unwritten part of the file small.
func (w *filler) put(b []byte) error {
	n, err := w.lay(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return err
	}
	w.moved(int64(n))
	w.flushed += int64(n)
	if w.flushed%stride == 0 && w.follow != nil {
		if err := w.readAlong(); err != nil {
			return err
		}
	}
	if w.flushed%window != 0 {
		return nil
	}
	return w.writeBehind(w.flushed / window)
}

// readAlong has what is written so far read back.
func (w *filler) readAlong() (err error) {
	if w.along == nil {
		if w.along, err = w.follow(); err != nil {
			return err
		}
	}
	w.along.wrote(w.flushed)
	return nil
}

// writeBehind starts the writing of the newest window, and waits for an old
// one, which the cache may then forget. An error is the end: it may be one that fsync will not report again.
func (w *filler) writeBehind(windows int64) error {
	fd := int(w.f.Fd())
	err := hint(unix.SyncFileRange(fd, (windows-1)*window, window, unix.SYNC_FILE_RANGE_WRITE))
	if err != nil || windows <= behind {
		return err
	}
	old := (windows - 1 - behind) * window
	err = hint(unix.SyncFileRange(fd, old, window, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER))
	if err == nil && (w.along == nil || w.along.keep == 0) {
		_ = w.disk.kernel.drop(w.f, old, window) // what stays is dropped before it is read back
	}
	return err
}

// hint forgives a file system for not knowing the call.
func hint(err error) error {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ESPIPE) || errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}

// finish writes what is left, if the content is whole, and ends the goroutine.
func (w *filler) finish(whole bool) error {
	var err error
	if w.full != nil {
		close(w.full)
		<-w.stopped
		err = w.err
	}
	if whole && err == nil && w.used > 0 {
		w.count()
		err = w.put((*w.cur)[:w.used])
	}
	w.disk.release(w.cur)
	for len(w.free) > 0 {
		w.disk.release(<-w.free)
	}
	return err
}

// create makes a new file of an attempt, in place of one it left before: that
// one may still be open elsewhere, so it is unlinked, never truncated.
func (d *Disk) create(ctx context.Context, at *dir, name string) (*os.File, error) {
	if err := d.removeIfThere(ctx, at, name); err != nil {
		return nil, err
	}
	return d.createNew(ctx, at, name)
}

func (d *Disk) createNew(ctx context.Context, at *dir, name string) (f *os.File, err error) {
	err = act(ctx, "create", func() error {
		f, err = at.open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o644)
		return err
	})
	return f, err
}

// syncClose makes a file durable and closes it. Both may report a lost write.
func (d *Disk) syncClose(ctx context.Context, f *os.File) error {
	err := act(ctx, "sync", func() error { return d.kernel.sync(f) })
	return errors.Join(err, f.Close())
}

// writeSmall writes and syncs a new file of an attempt whose content is at
// hand, and returns its digest. On an error nothing stays.
func (d *Disk) writeSmall(ctx context.Context, at *dir, name string, content []byte) (opsdb.Digest, error) {
	f, err := d.create(ctx, at, name)
	if err != nil {
		return "", err
	}
	n, err := d.kernel.write(f, content)
	if err == nil && n < len(content) {
		err = io.ErrShortWrite
	}
	if err = errors.Join(err, d.syncClose(ctx, f)); err != nil {
		return "", errors.Join(err, d.removeIfThere(context.WithoutCancel(ctx), at, name))
	}
	sum := sha256.Sum256(content)
	return opsdb.Digest(hex.EncodeToString(sum[:])), nil
}

// block is a buffer for content of so many bytes, as far as is known.
func (d *Disk) block(size int64) *[]byte {
	if size < smallSize {
		return d.smalls.Get().(*[]byte)
	}
	return d.blocks.Get().(*[]byte)
}

// release takes a block back.
func (d *Disk) release(b *[]byte) {
	if len(*b) == smallSize {
		d.smalls.Put(b)
		return
	}
	d.blocks.Put(b)
}
