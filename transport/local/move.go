package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/storage"
)

const (
	step      = 16 << 20 // bytes between two looks at a cancel, inside the kernel
	blockSize = 1 << 20  // bytes of the buffer, outside
)

// raw is what a storage's reader may offer: the open file at its offset, for copying inside the kernel.
type raw interface{ Raw() *os.File }

// move brings the bytes from offset kept to the end into the part.
func (s *sending) move(ctx context.Context, kept int64) error {
	part, err := s.openPart(ctx, kept)
	if err != nil {
		return s.targetFailed(ctx, err)
	}
	err = s.copyInto(ctx, part, kept)
	if closed := part.Close(); err == nil && closed != nil {
		err = s.targetFailed(ctx, closed)
	}
	return err
}

// openPart opens the attempt's part for writing at its end: a new file, or the one that has what was kept.
func (s *sending) openPart(ctx context.Context, kept int64) (*os.File, error) {
	flags := os.O_WRONLY | unix.O_NOFOLLOW
	if kept == 0 {
		flags |= os.O_CREATE | os.O_EXCL
	}
	path, err := s.target.PartPath(ctx, s.item.Attempt)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, err
	}
	if end, err := f.Seek(0, io.SeekEnd); err != nil || end != kept {
		return nil, errors.Join(fmt.Errorf("part has %d bytes, expected %d: %w", end, kept, storage.ErrMismatch), err, f.Close())
	}
	return f, nil
}

func (s *sending) copyInto(ctx context.Context, part *os.File, kept int64) error {
	left := s.item.Size - kept
	if left == 0 {
		return nil
	}
	source, err := s.item.Source.Open(ctx, s.item.Path, kept, left)
	if err != nil {
		return s.sourceFailed(ctx, err)
	}
	defer func() { _ = source.Close() }()
	if r, ok := source.(raw); ok {
		if kept == 0 && s.pace == nil && s.clone(part, r.Raw()) {
			s.moved(left)
			return nil
		}
		return s.inKernel(ctx, part, r.Raw(), left)
	}
	return s.byHand(ctx, part, source, left)
}

// clone shares the source's extents, where the file system can. The receive
// reads them all back, so a source that changed meanwhile is found there.
func (s *sending) clone(part, source *os.File) bool {
	return unix.IoctlFileClone(int(part.Fd()), int(source.Fd())) == nil
}

// inKernel copies by copy_file_range, which the runtime replaces by reading and writing where it must.
func (s *sending) inKernel(ctx context.Context, part, source *os.File, left int64) error {
	for left > 0 {
		next := s.pace.most(min(left, step))
		if err := s.next(ctx, next); err != nil {
			return err
		}
		n, err := io.CopyN(part, source, next)
		s.moved(n)
		left -= n
		if errors.Is(err, io.EOF) {
			return s.sourceFailed(ctx, fmt.Errorf("%d bytes short: %w", left, io.ErrUnexpectedEOF))
		}
		if err != nil {
			return s.targetFailed(ctx, err)
		}
		begin(part, s.item.Size-left-n, n)
	}
	return nil
}

// next waits until n more bytes may move; it is also where a cancel is seen.
func (s *sending) next(ctx context.Context, n int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.pace.wait(ctx, n)
}

// begin asks the kernel to begin writing, so that the sync at the end is short. Errors are that sync's to report.
func begin(part *os.File, offset, n int64) {
	_ = unix.SyncFileRange(int(part.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
}

// byHand copies from a storage that gives no file.
func (s *sending) byHand(ctx context.Context, part *os.File, source io.Reader, left int64) error {
	buf := make([]byte, min(left, blockSize))
	for left > 0 {
		next := s.pace.most(min(left, blockSize))
		if err := s.next(ctx, next); err != nil {
			return err
		}
		n, err := io.ReadFull(source, buf[:next])
		if wrote, err := part.Write(buf[:n]); err != nil {
			s.moved(int64(wrote))
			return s.targetFailed(ctx, err)
		}
		s.moved(int64(n))
		left -= int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return s.sourceFailed(ctx, fmt.Errorf("%d bytes short: %w", left, io.ErrUnexpectedEOF))
		}
		if err != nil {
			return s.sourceFailed(ctx, err)
		}
	}
	return nil
}
