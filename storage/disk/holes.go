package disk

import (
	"bytes"
	"io"
)

// smallestHole is from how many bytes on a block of zeros is left out of a file.
const smallestHole = 64 << 10

// lay writes one block at the end of what is written. One of zeros becomes a
// hole: whoever reads it gets the same bytes, and they take no room (ADR 0041).
func (w *filler) lay(b []byte) (int, error) {
	if len(b) < smallestHole || !zeros(b) {
		return w.disk.kernel.write(w.f, b)
	}
	if err := w.f.Truncate(w.flushed + int64(len(b))); err != nil {
		return 0, err
	}
	_, err := w.f.Seek(w.flushed+int64(len(b)), io.SeekStart)
	return len(b), err
}

// zeros reports whether a block, which is not empty, is of zeros alone: then each byte equals the one before it.
func zeros(b []byte) bool { return b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1]) }
