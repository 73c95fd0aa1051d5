package filing

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// sightsHeld is how many sights are held in memory; a million more wait in a file.
const sightsHeld = 1000

// sights is a list of files as a scan saw them, in the order of their paths.
// Past the first ones they lie in a file without a name, which is gone with its process.
type sights struct {
	held   []sight
	file   *os.File
	buf    *bufio.Writer
	enc    *gob.Encoder
	count  int
	oldest time.Duration // the smallest since
}

// spooled is a sight as it lies in the file.
type spooled struct {
	Path     string
	Size     int64
	ModTime  time.Time
	Identity string
	Since    time.Duration
}

func (l *sights) add(s sight) error {
	if l.count == 0 || s.since < l.oldest {
		l.oldest = s.since
	}
	l.count++
	if len(l.held) < sightsHeld {
		l.held = append(l.held, s)
		return nil
	}
	if l.file == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	if err := l.enc.Encode(spooled{s.path, s.size, s.modTime, s.identity, s.since}); err != nil {
		return fmt.Errorf("keep pending files: %w", err)
	}
	return nil
}

func (l *sights) open() error {
	f, err := os.CreateTemp("", "cdt-pending-*")
	if err != nil {
		return fmt.Errorf("keep pending files: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return errors.Join(fmt.Errorf("keep pending files: %w", err), f.Close())
	}
	l.file, l.buf = f, bufio.NewWriterSize(f, 64<<10)
	l.enc = gob.NewEncoder(l.buf)
	return nil
}

// drop forgets the list; it may be called twice, and of nil.
func (l *sights) drop() {
	if l != nil && l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// read goes through the list from its beginning; of nil it finds nothing.
func (l *sights) read() (*sightReader, error) {
	if l == nil {
		return &sightReader{}, nil
	}
	r := &sightReader{held: l.held}
	if l.file != nil {
		if err := l.buf.Flush(); err != nil {
			return nil, fmt.Errorf("keep pending files: %w", err)
		}
		size, err := l.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("keep pending files: %w", err)
		}
		r.dec = gob.NewDecoder(bufio.NewReaderSize(io.NewSectionReader(l.file, 0, size), 64<<10))
	}
	return r, nil
}

// chunks goes through the list in portions of at most n; what is given is overwritten by the next.
func (l *sights) chunks(n int) iter.Seq2[[]sight, error] {
	return func(yield func([]sight, error) bool) {
		r, err := l.read()
		var chunk []sight
		for err == nil {
			if err = r.advance(); err != nil || r.head == nil {
				break
			}
			chunk, r.head = append(chunk, *r.head), nil
			if len(chunk) == n {
				if !yield(chunk, nil) {
					return
				}
				chunk = chunk[:0]
			}
		}
		if err != nil || len(chunk) > 0 {
			yield(chunk, err)
		}
	}
}

// sightReader is a list being read.
type sightReader struct {
	held []sight
	dec  *gob.Decoder
	head *sight
}

// at returns the sight of path, or nil; paths are asked for in their order.
func (r *sightReader) at(path string) (*sight, error) {
	for {
		if r.head == nil {
			if err := r.advance(); err != nil || r.head == nil {
				return nil, err
			}
		}
		if r.head.path > path {
			return nil, nil
		}
		s := r.head
		if r.head = nil; s.path == path {
			return s, nil
		}
	}
}

func (r *sightReader) advance() error {
	if len(r.held) > 0 {
		r.head, r.held = &r.held[0], r.held[1:]
		return nil
	}
	if r.dec == nil {
		return nil
	}
	var s spooled
	err := r.dec.Decode(&s)
	if errors.Is(err, io.EOF) {
		r.dec = nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("read pending files: %w", err)
	}
	r.head = &sight{s.Path, s.Size, s.ModTime, s.Identity, s.Since}
	return nil
}
