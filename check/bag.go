package check

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// entry is one file of a tar as it was read.
type entry struct {
	name    string // below the top folder
	offset  int64  // of the content in the tar
	size    int64
	modTime time.Time
	digest  opsdb.Digest
}

// bag is what one pass over a tar showed.
type bag struct {
	top    string
	size   int64
	digest opsdb.Digest
	// segments are the digests of opsdb.SegmentSize bytes each.
	segments []opsdb.Digest
	payload  map[string]entry  // by name, "data/…"
	tags     map[string][]byte // by name
	names    map[string]string // by name: the true path of payload
	// problems are what is wrong with it, whatever anybody recorded of it.
	problems []string
}

// A tag file is held in memory; a manifest of a million files has some 100 MB.
const maxTag = 512 << 20

// readBag reads a tar once, from its first byte to its last, and checks that
// its content is a bag (RFC 8493) in one top folder. The error is about
// reading; what is wrong with the bytes is in the bag's problems.
func readBag(ctx context.Context, r io.Reader) (bag, error) {
	whole, parts := sha256.New(), &segments{h: sha256.New()}
	tee := &counter{r: &cancelable{ctx, io.TeeReader(r, io.MultiWriter(whole, parts))}}
	in := &counter{r: bufio.NewReaderSize(tee, 1<<20)}
	b := bag{payload: map[string]entry{}, tags: map[string][]byte{}, names: map[string]string{}}
	if err := b.readEntries(tar.NewReader(in), in); err != nil {
		return b, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return b, err
	}
	b.size, b.digest, b.segments = tee.n, hexDigest(whole.Sum(nil)), parts.end()
	b.problems = append(b.problems, b.judge()...)
	return b, nil
}

// readEntries reads every header and content. A tar that breaks off or is
// garbled is a problem, not an error: the bytes were read, they are wrong.
func (b *bag) readEntries(t *tar.Reader, in *counter) error {
	h := sha256.New()
	for {
		header, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case isRead(err):
			return err
		case err != nil:
			b.problems = append(b.problems, fmt.Sprintf("the tar cannot be read on at byte %d: %v", in.n, err))
			return nil
		}
		if p := b.readEntry(header, t, in.n, h); p != "" {
			b.problems = append(b.problems, p)
		}
	}
}

// isRead tells a disk or a cancel that fails from bytes that are wrong.
func isRead(err error) bool {
	var pe *fs.PathError
	return errors.As(err, &pe) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (b *bag) readEntry(header *tar.Header, content io.Reader, offset int64, h hash.Hash) string {
	name, problem := b.below(header)
	if problem != "" {
		return problem
	}
	h.Reset()
	var text bytes.Buffer
	var to io.Writer = h
	isTag := !strings.HasPrefix(name, "data/")
	if isTag {
		if header.Size > maxTag {
			return fmt.Sprintf("tag file %q is too large to be one", name)
		}
		to = io.MultiWriter(h, &text)
	}
	if _, err := io.Copy(to, content); err != nil {
		return fmt.Sprintf("%q breaks off: %v", name, err)
	}
	_, twice := b.payload[name]
	if _, tag := b.tags[name]; tag || twice {
		return fmt.Sprintf("%q is in the tar twice", name)
	}
	if isTag {
		b.tags[name] = text.Bytes()
		return ""
	}
	b.payload[name] = entry{name, offset, header.Size, header.ModTime, hexDigest(h.Sum(nil))}
	if len(b.tags) > 0 {
		return fmt.Sprintf("payload %q comes after the tag files", name)
	}
	return ""
}

// below returns an entry's name below the top folder; everything must be a
// regular file in one and the same top folder.
func (b *bag) below(header *tar.Header) (name, problem string) {
	clean := path.Clean(header.Name)
	top, name, in := strings.Cut(header.Name, "/")
	switch {
	case header.Typeflag != tar.TypeReg:
		return "", fmt.Sprintf("%q is no regular file but of type %q", header.Name, header.Typeflag)
	case !in || clean != header.Name || top == ".." || top == "" || top == ".":
		return "", fmt.Sprintf("%q is no plain path below a top folder", header.Name)
	case b.top == "":
		b.top = top
	case b.top != top:
		return "", fmt.Sprintf("%q lies in another top folder than %q", header.Name, b.top)
	}
	return name, ""
}

// counter counts the bytes that were read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// segments digests what is written to it, piece by piece.
type segments struct {
	h    hash.Hash
	n    int64 // bytes in the present piece
	done []opsdb.Digest
}

func (s *segments) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(int64(len(p)), opsdb.SegmentSize-s.n)
		s.h.Write(p[:n])
		p, s.n = p[n:], s.n+n
		if s.n == opsdb.SegmentSize {
			s.next()
		}
	}
	return total, nil
}

func (s *segments) next() {
	s.done = append(s.done, hexDigest(s.h.Sum(nil)))
	s.h.Reset()
	s.n = 0
}

// end returns the digests; the last piece may be shorter.
func (s *segments) end() []opsdb.Digest {
	if s.n > 0 {
		s.next()
	}
	return s.done
}
