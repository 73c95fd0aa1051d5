package bag

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Content is an open member. Close is called after exactly Member.Size bytes
// were read, or earlier after an error; it says whether the file stayed what it was.
type Content interface {
	io.ReadCloser
}

// Job is a bag to be written.
type Job struct {
	Package opsdb.Package
	// Members come in byte order of path, each with File, Path, Size and ModTime.
	Members iter.Seq2[opsdb.Member, error]
	// Open opens a member for its only reading.
	Open func(ctx context.Context, m opsdb.Member) (Content, error)
	// Born is told every member with its Name, Offset and Digest, in order; from one goroutine.
	Born func(m opsdb.Member) error
}

// Written is what became of a Job.
type Written struct {
	opsdb.Packed
	Files int
	Bytes int64 // sum of the members' sizes
}

// MemberError is why a bag could not be written: this member could not be read as it was frozen.
type MemberError struct {
	Member opsdb.Member
	Err    error
}

func (e *MemberError) Error() string {
	return fmt.Sprintf("member %s: %v", opsdb.ShowPath(e.Member.Path), e.Err)
}
func (e *MemberError) Unwrap() error { return e.Err }

// writer is a Job under way.
type writer struct {
	job      Job
	pipe     *pipe
	manifest *Spool
	names    *namesWriter
	tags     []tag
	out      Written
	last     string // path of the member before
}

// tag is a tag file that was written.
type tag struct {
	name   string
	digest opsdb.Digest
}

// Write writes the bag to w, reading every member once. What is wrong with a
// member ends the writing with a *MemberError. Memory does not grow with the number of members.
func Write(ctx context.Context, w io.Writer, job Job) (Written, error) {
	manifest, err := NewSpool()
	if err != nil {
		return Written{}, err
	}
	defer manifest.Close() //nolint:errcheck // a spool of ours, done with
	names, err := newNamesWriter()
	if err != nil {
		return Written{}, err
	}
	defer names.Close() //nolint:errcheck // a spool of ours, done with
	b := &writer{job: job, manifest: manifest, names: names}
	b.pipe = newPipe(ctx, w, b.born)
	if err := b.pipe.close(b.all()); err != nil {
		return Written{}, err
	}
	b.out.Size, b.out.Digest = b.pipe.pos, b.pipe.tar
	b.out.Segments = append([]opsdb.Digest{b.pipe.first}, b.pipe.segments...)
	return b.out, nil
}

// born notes a member whose digest is known; it runs beside the reading.
func (b *writer) born(m opsdb.Member) error {
	if _, err := io.WriteString(b.manifest, manifestLine(m.Digest, m.Name)); err != nil {
		return err
	}
	if Renamed(m.Name) {
		if err := b.names.add(m); err != nil {
			return err
		}
	}
	return b.job.Born(m)
}

func (b *writer) all() error {
	for m, err := range b.job.Members {
		if err != nil {
			return fmt.Errorf("list members: %w", err)
		}
		if err := b.member(m); err != nil {
			return err
		}
	}
	if err := b.pipe.drain(); err != nil {
		return err
	}
	if err := b.tagFiles(); err != nil {
		return err
	}
	_, err := b.pipe.Write(make([]byte, 2*block))
	return err
}

func (b *writer) member(m opsdb.Member) error {
	if err := b.check(m); err != nil {
		return &MemberError{m, err}
	}
	m.Name = Name(m.Path)
	f, err := b.job.Open(b.pipe.ctx, m)
	if err != nil {
		return &MemberError{m, err}
	}
	err = b.write(&m, f)
	if e := f.Close(); err == nil && e != nil {
		err = &MemberError{m, e}
	}
	b.out.Files++
	b.out.Bytes += m.Size
	return err
}

func (b *writer) check(m opsdb.Member) error {
	if err := CheckPath(m.Path); err != nil {
		return err
	}
	if b.out.Files > 0 && m.Path <= b.last {
		return fmt.Errorf("does not come after %s", opsdb.ShowPath(b.last))
	}
	b.last = m.Path
	return nil
}

func (b *writer) write(m *opsdb.Member, f io.Reader) error {
	if err := b.header(m.Name, m.Size, m.ModTime); err != nil {
		return err
	}
	m.Offset = b.pipe.pos
	if err := b.pipe.content(f, *m); err != nil {
		if b.pipe.ctx.Err() != nil {
			return context.Cause(b.pipe.ctx)
		}
		return &MemberError{*m, err}
	}
	return b.pad(m.Size)
}

const block = 512 // of a tar

// header writes the headers of one regular file.
func (b *writer) header(name string, size int64, modTime time.Time) error {
	var buf bytes.Buffer
	err := tar.NewWriter(&buf).WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Format: tar.FormatPAX, Mode: 0o644,
		Name: b.job.Package.Name + "/" + name, Size: size, ModTime: modTime,
	})
	if err != nil {
		return fmt.Errorf("header of %s: %w", opsdb.ShowPath(name), err)
	}
	_, err = b.pipe.Write(buf.Bytes())
	return err
}

func (b *writer) pad(size int64) error {
	if rest := size % block; rest > 0 {
		_, err := b.pipe.Write(make([]byte, block-rest))
		return err
	}
	return nil
}

// tagFiles writes what stands after the payload.
func (b *writer) tagFiles() error {
	if err := b.tagBytes(Declaration, []byte(declaration)); err != nil {
		return err
	}
	if err := b.tagBytes(InfoFile, info(b.job.Package, b.out.Files, b.out.Bytes)); err != nil {
		return err
	}
	if b.names.count > 0 {
		if err := b.names.end(); err != nil {
			return err
		}
		if err := b.tagFile(NamesFile, b.names.Spool); err != nil {
			return err
		}
	}
	if err := b.tagFile(Manifest, b.manifest); err != nil {
		return err
	}
	b.out.Manifest = b.tags[len(b.tags)-1].digest
	var list bytes.Buffer
	for _, t := range b.tags {
		list.WriteString(manifestLine(t.digest, t.name))
	}
	return b.tagBytes(TagManifest, list.Bytes())
}

func (b *writer) tagBytes(name string, content []byte) error {
	return b.tag(name, int64(len(content)), bytes.NewReader(content))
}

func (b *writer) tagFile(name string, s *Spool) error {
	r, err := s.Rewind()
	if err != nil {
		return err
	}
	return b.tag(name, s.size, r)
}

func (b *writer) tag(name string, size int64, r io.Reader) error {
	if err := b.header(name, size, b.job.Package.MadeAt); err != nil {
		return err
	}
	var h hash.Hash = sha256.New()
	if _, err := io.Copy(io.MultiWriter(b.pipe, h), r); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	b.tags = append(b.tags, tag{name, digestOf(h)})
	return b.pad(size)
}
