package bag

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Tag files are small, except those that have a line per member.
const (
	maxTag   = 1 << 20
	maxLines = 4 << 30
)

// Entry is one member as it stands in the tar.
type Entry struct {
	Name    string // below the top folder: "data/…"
	Offset  int64  // of the content in the tar
	Size    int64
	ModTime time.Time
}

// Reader reads a package's tar from its beginning. It takes regular files
// below one top folder and nothing else: no links, no devices, no path that
// leads out (S10). A tar that breaks the format is an error that wraps [ErrMalformed].
type Reader struct {
	in       *counter
	tar      *tar.Reader
	top      string
	size     int64 // of the current member
	read     int64 // of its content so far
	open     bool
	name     string
	hash     hash.Hash
	manifest hash.Hash // of the lines as they must stand in the manifest
	tags     map[string]opsdb.Digest
	order    []string
	listed   []byte // tagmanifest-sha256.txt
	pkg      opsdb.Package
	names    storedNames
	keep     bool
	files    int
	bytes    int64
}

// NewReader reads a package from r. Its top folder must be top, unless top is "".
func NewReader(r io.Reader, top string) *Reader {
	in := &counter{r: r}
	return &Reader{in: in, tar: tar.NewReader(in), top: top, hash: sha256.New(), manifest: sha256.New(), tags: map[string]opsdb.Digest{}}
}

// KeepNames asks for [Reader.Names] to be collected; memory then grows with the number of renamed members.
func (r *Reader) KeepNames() { r.keep = true }

// counter counts what was read. It is no io.Seeker: every byte passes.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func malformed(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, a...))
}

// Next goes to the next member; what is left of the one before is read
// first. At the end the tag files have been read and checked against the
// payload, and the error is io.EOF.
func (r *Reader) Next() (Entry, error) {
	if err := r.finish(); err != nil {
		return Entry{}, err
	}
	name, size, modTime, err := r.header()
	if err != nil {
		return Entry{}, err
	}
	if !strings.HasPrefix(name, payload) {
		return Entry{}, r.tagFiles(name, size)
	}
	r.open, r.name, r.size, r.read = true, name, size, 0
	r.hash.Reset()
	r.files++
	r.bytes += size
	return Entry{Name: name, Offset: r.in.n, Size: size, ModTime: modTime}, nil
}

// header reads and judges one header; the name is that below the top folder.
func (r *Reader) header() (name string, size int64, modTime time.Time, err error) {
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		return "", 0, modTime, malformed("it ends after %d members", r.files)
	}
	if err != nil {
		return "", 0, modTime, r.broken(err)
	}
	if h.Typeflag != tar.TypeReg {
		return "", 0, modTime, malformed("%q is of type %q", h.Name, h.Typeflag)
	}
	for key := range h.PAXRecords {
		// Sparse files, links and other people's extensions are none of ours.
		if key != "path" && key != "mtime" && key != "size" {
			return "", 0, modTime, malformed("%q has a record %q", h.Name, key)
		}
	}
	if err := CheckPath(h.Name); err != nil {
		return "", 0, modTime, malformed("%v", err)
	}
	top, name, ok := strings.Cut(h.Name, "/")
	if r.top == "" {
		r.top = top
	}
	if !ok || top != r.top {
		return "", 0, modTime, malformed("%q is not below %q", h.Name, r.top)
	}
	return name, h.Size, h.ModTime, nil
}

// broken tells a tar that is wrong from one that could not be read.
func (r *Reader) broken(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrFieldTooLong) {
		return malformed("near byte %d: %v", r.in.n, err)
	}
	return err
}

// Read reads the content of the current member.
func (r *Reader) Read(b []byte) (int, error) {
	if !r.open {
		return 0, io.EOF
	}
	n, err := r.tar.Read(b)
	r.hash.Write(b[:n])
	r.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.broken(err)
	}
	return n, err
}

// Digest is the digest of the current member; what is left of it is read first.
func (r *Reader) Digest() (opsdb.Digest, error) {
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{r}); err != nil {
		return "", err
	}
	if r.read != r.size {
		return "", malformed("%q ends after %d of %d bytes", r.name, r.read, r.size)
	}
	return digestOf(r.hash), nil
}

// finish reads the current member to its end and notes its line.
func (r *Reader) finish() error {
	if !r.open {
		return nil
	}
	d, err := r.Digest()
	if err != nil {
		return err
	}
	r.open = false
	_, err = io.WriteString(r.manifest, manifestLine(d, r.name))
	return err
}

// Top is the name of the top folder, known after the first Next.
func (r *Reader) Top() string { return r.top }

// ManifestDigest is the digest of the manifest that belongs to the members read, known at the end.
func (r *Reader) ManifestDigest() opsdb.Digest { return digestOf(r.manifest) }

// Package is what bag-info.txt says, known at the end.
func (r *Reader) Package() opsdb.Package { return r.pkg }

// Names is, for every renamed member, its name in the bag and its true path; known at the end, if asked for.
func (r *Reader) Names() map[string]string {
	out := make(map[string]string, len(r.names.Names))
	for _, n := range r.names.Names {
		out[n.Name] = string(n.Raw)
	}
	return out
}

// tagFiles reads the tag files, of which the first has been met, and checks them. Its good end is io.EOF.
func (r *Reader) tagFiles(name string, size int64) error {
	for {
		if err := r.tagFile(name, size); err != nil {
			return err
		}
		if name == TagManifest {
			break
		}
		var err error
		if name, size, _, err = r.header(); err != nil {
			return err
		}
	}
	if err := r.checkTags(); err != nil {
		return err
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return malformed("something follows %s", TagManifest)
	}
	return io.EOF
}

func (r *Reader) tagFile(name string, size int64) error {
	if _, twice := r.tags[name]; twice {
		return malformed("%q stands there twice", name)
	}
	limit := int64(maxTag)
	if name == Manifest || name == NamesFile {
		limit = maxLines
	}
	if size > limit {
		return malformed("%q has %d bytes", name, size)
	}
	h := sha256.New()
	err := r.parseTag(name, io.TeeReader(r.tar, h))
	if err != nil {
		return r.broken(err)
	}
	r.tags[name] = digestOf(h)
	r.order = append(r.order, name)
	return nil
}

func (r *Reader) parseTag(name string, in io.Reader) error {
	switch name {
	case Declaration:
		text, err := io.ReadAll(in)
		if err == nil && string(text) != declaration {
			err = malformed("%s says %q", name, text)
		}
		return err
	case InfoFile:
		text, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		r.pkg, err = parseInfo(text)
		return err
	case NamesFile:
		if r.keep {
			if err := json.NewDecoder(in).Decode(&r.names); err != nil {
				return malformed("%s: %v", name, err)
			}
		}
		_, err := io.Copy(io.Discard, in)
		return err
	case Manifest:
		_, err := io.Copy(io.Discard, in)
		return err
	case TagManifest:
		var err error
		r.listed, err = io.ReadAll(in)
		return err
	}
	return malformed("%q does not belong there", name)
}

// checkTags compares the tag files with the payload and with each other.
func (r *Reader) checkTags() error {
	var want bytes.Buffer
	for _, name := range r.order[:len(r.order)-1] {
		want.WriteString(manifestLine(r.tags[name], name))
	}
	switch {
	case r.tags[Declaration] == "" || r.tags[InfoFile] == "" || r.tags[Manifest] == "":
		return malformed("a tag file is missing")
	case !bytes.Equal(want.Bytes(), r.listed):
		return malformed("%s does not fit the tag files", TagManifest)
	case r.tags[Manifest] != r.ManifestDigest():
		return malformed("%s does not fit the payload", Manifest)
	case r.pkg.Files != r.files || r.pkg.Bytes != r.bytes:
		return malformed("%s says %d files and %d bytes, there are %d and %d", labelOxum, r.pkg.Files, r.pkg.Bytes, r.files, r.bytes)
	}
	return nil
}
