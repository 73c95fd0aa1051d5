// Package storage is the contract of a location's storage: put, get, stat,
// list, remove and digest. Adapters (storage/disk, storage/s3) pass the suite
// in storagetest. It imports opsdb (nouns) and nothing else of ours but effect and clock.
//
// What every adapter promises:
//   - A final name means whole. On disk it also means synced and read back
//     right (S5); on an object store only a receipt means verified.
//   - Nothing that has a final name is ever overwritten (S3, S6).
//   - No path leaves the root, and only regular files are read or written (S10).
//   - An empty or foreign root is [ErrOffline] or [ErrForeign], never "all files are gone" (S9).
//     Every method that reads or changes content checks the marker first.
//   - A returned error can be classified with [Classify].
package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"strconv"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Errors that callers branch on; adapters wrap them. Not-there and exists are fs.ErrNotExist and fs.ErrExist.
var (
	ErrOffline   = errors.New("location is offline")               // root or marker missing
	ErrForeign   = errors.New("location carries another's marker") // marker of another location
	ErrFull      = errors.New("no space left")
	ErrReadOnly  = errors.New("location is read-only")
	ErrDenied    = errors.New("permission denied")
	ErrIrregular = errors.New("not a regular file")
	ErrMismatch  = errors.New("content is not what was recorded")
	ErrOutside   = errors.New("path leaves the location's root")
	ErrNotEmpty  = errors.New("root has content but no marker") // Init without adopt
	ErrBusy      = errors.New("the server asks to be left alone for a while")
	ErrKept      = errors.New("nothing is moved or removed in an archive") // S3
	ErrUnsafe    = errors.New("the storage cannot give a name without replacing")
	// ErrUnreachable: the host of a location at another site does not answer. It says
	// nothing of the location: such an error comes classified (stages.Failed) as a failure of the link.
	ErrUnreachable = errors.New("host cannot be reached")
	// ErrElsewhere: what changes a copy is for the workers of the location's own site alone.
	ErrElsewhere = errors.New("only a worker at that site may do this")
)

// NotYetError says that the storage is at work on what was asked, as a tape
// library that brings a file back: ask again After.
type NotYetError struct {
	After time.Duration
	Doing string // for a person: "recalled from tape"
}

func (e *NotYetError) Error() string { return "not yet: it is being " + e.Doing }

// Attempt names one attempt of one task; its files are fenced by that name.
type Attempt struct {
	Task  opsdb.ID
	Epoch string
	Token int64
}

// Name is "<task>.<epoch>.<token>".
func (a Attempt) Name() string {
	return string(a.Task) + "." + a.Epoch + "." + strconv.FormatInt(a.Token, 10)
}

// Info is what stat says.
type Info struct {
	Path     string
	Size     int64
	ModTime  time.Time   // nanoseconds kept where the storage keeps them
	Identity string      // "dev:ino" or ETag
	Mode     fs.FileMode // type bits tell what is not a regular file
}

// Reading is what was read back.
type Reading struct {
	Digest   opsdb.Digest
	Size     int64
	Segments []opsdb.Digest // per opsdb.SegmentSize
	Medium   opsdb.Medium
	Identity string
}

// Health is what a look at the location says.
type Health struct {
	Marker opsdb.Marker
	Free   int64 // bytes; -1: not known
	Total  int64 // bytes; 0: not known
}

// Expect is what an object must be; a zero Digest accepts what was written,
// if that is what is read back (the Reading's digest is then the first).
type Expect struct {
	Digest opsdb.Digest
	Size   int64
	// Segments are the digests of its segments, of opsdb.SegmentSize; nil if not known. See Put.Segmented.
	Segments []opsdb.Digest
}

// Progress is told how many more bytes went through. It must be quick. May be nil.
type Progress func(phase string, n int64)

// The phases a Put or Settle tells its progress in.
const (
	Moving      = "moving"
	Syncing     = "syncing"
	ReadingBack = "reading"
	Committing  = "committing"
)

// Put is a request to store one object under a final name.
type Put struct {
	Attempt Attempt
	Path    string // final, relative, slash-separated, engine-made
	// Known is what the content will be, where that is known before it is written; zero if not. Object
	// stores keep its digest in the object's metadata, and size their parts by its size. Nothing is proved by it.
	Known Expect
	// Write produces the content. It is called once.
	Write func(w io.Writer) error
	// Expect is asked after Write has returned.
	Expect func() Expect
	// Segmented promises that Expect will give Segments. What is read back may then be held against
	// these alone: SHA-256 of every segment says as much as that of the whole, and costs half.
	Segmented bool
	// Soon says that the object will be read again soon: what was read back may stay in the caches of this host.
	Soon     bool
	Progress Progress
}

// Storage is one location's storage. Methods are safe for concurrent use.
// On cancel they return ctx.Err() soon and leave at most attempt files behind.
type Storage interface {
	// Location is the "site.location" it serves.
	Location() string
	// Init writes the marker into an empty root (created if missing), or, with
	// adopt, into one that has content but no marker. A root with the same marker is left alone; a foreign one is ErrForeign.
	Init(ctx context.Context, m opsdb.Marker, adopt bool) error
	// Check looks at the marker, the free space and whether it can be written (a probe
	// file in .part, written, synced, read, removed).
	Check(ctx context.Context) (Health, error)
	Stat(ctx context.Context, path string) (Info, error)
	// Open reads length bytes from offset (length < 0: to the end).
	Open(ctx context.Context, path string, offset, length int64) (io.ReadCloser, error)
	// Read digests an object; with medium, caches of this host are dropped first
	// where that can be done, and Reading.Medium says what was reached.
	Read(ctx context.Context, path string, medium bool, progress Progress) (Reading, error)
	// Put writes under the attempt's name, makes it durable, reads it back and
	// gives it its final name without replacing (on an object store: conditional put,
	// then read back). If the final name is taken: what is there is read; when it is
	// as expected it is adopted (and returned), otherwise the error is fs.ErrExist. What was read back
	// wrong is ErrMismatch, and nothing has the final name (disk) or the name is left for quarantine (S3).
	Put(ctx context.Context, p Put) (Reading, error)
	// PutSmall is Put for a few kilobytes: sidecars.
	PutSmall(ctx context.Context, a Attempt, path string, content []byte) error
	// List streams what lies under a prefix (directory), without CDT's own folders and marker.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Quarantine moves an object to .quarantine/<name>, never replacing, and returns its new path.
	Quarantine(ctx context.Context, path string, a Attempt) (moved string, err error)
	// Trash renames an object to .trash/<attempt>, so that nothing else can be
	// meant; Held re-reads the size and identity there; Restore puts it back without replacing; Purge unlinks it for good.
	// A missing object is fs.ErrNotExist.
	Trash(ctx context.Context, path string, a Attempt) error
	Held(ctx context.Context, a Attempt) (Info, error)
	Restore(ctx context.Context, a Attempt, path string) error
	Purge(ctx context.Context, a Attempt) error
	// Trashed lists attempt names of this task in .trash: what a killed deletion left.
	Trashed(ctx context.Context, task opsdb.ID) ([]Attempt, error)
	// Leftovers lists attempts of this task in .part, oldest token first.
	Leftovers(ctx context.Context, task opsdb.ID) ([]Attempt, error)
	// Discard removes an attempt's own part file or unfinished upload. Missing is fine.
	Discard(ctx context.Context, a Attempt) error
	// Reclaim removes parts in .part older than age whose task keep says no to.
	Reclaim(ctx context.Context, age time.Duration, keep func(Attempt) bool) (removed int, err error)
}

// Remark is what an examination found, for a person.
type Remark struct {
	Wrong bool   // it needs a person; otherwise it is worth knowing
	Text  string // what is so
	Do    string // what can be done about it
}

// Examiner is implemented by storages that have more to tell than Check: what
// a server can do and how it is set up. Nothing that has a name is changed.
type Examiner interface {
	Examine(ctx context.Context) ([]Remark, error)
}

// Prover is implemented by storages whose Put reads back what it wrote before it gives the name: what is
// read wrong never has one. Who copies into them need not digest the bytes on their way, too.
type Prover interface{ ProvesFirst() }

// Receiver is implemented by storages into which a transport can write files of its own (disks).
type Receiver interface {
	// PartPath is the absolute path of the attempt's part file; its folder exists.
	PartPath(ctx context.Context, a Attempt) (string, error)
	// AbsPath is the absolute path of an object, for a transport to read.
	AbsPath(ctx context.Context, path string) (string, error)
	// Settle takes the attempt's part file the way Put does after Write: sync, drop caches,
	// re-read, compare, final name, sync of the folder. The part missing is fs.ErrNotExist unless the final name is as expected.
	Settle(ctx context.Context, a Attempt, path string, want Expect, progress Progress) (Reading, error)
	// ReadPart digests the part file of an attempt, whatever permissions the transport left it with.
	ReadPart(ctx context.Context, a Attempt, progress Progress) (Reading, error)
	// CopyPart copies the first n bytes of one attempt's part into another's new part (never a rename: an orphan may hold the old one open).
	CopyPart(ctx context.Context, from, to Attempt, n int64) error
}

// PartSizer is implemented by receivers that can tell how long a part is without reading it, as a
// transport asks while it fills one. A part that is not there is fs.ErrNotExist.
type PartSizer interface {
	PartSize(ctx context.Context, a Attempt) (int64, error)
}

// Tree is implemented by storages that hold plain files people can use:
// source and processing locations. Paths may be any bytes; they are relative,
// without "." or ".." parts, and never followed through a symlink.
type Tree interface {
	// Walk streams everything below dir that is not a directory, in byte order of
	// path, whatever its type (Mode tells), without CDT's own names. Directories that
	// cannot be read are reported as errors and the walk goes on.
	Walk(ctx context.Context, dir string) iter.Seq2[Info, error]
	// OpenFile opens a regular file for reading: no symlink, no FIFO
	// (ErrIrregular), and Stat of what was opened is what is returned.
	OpenFile(ctx context.Context, path string) (File, error)
	// WriteFile makes a file below the attempt's unpack folder (.part/<attempt>.d) with modification time, create-only, synced.
	WriteFile(ctx context.Context, a Attempt, path string, modTime time.Time, content io.Reader) error
	// ReadTree digests one file of the unpack folder, from the medium.
	ReadTree(ctx context.Context, a Attempt, path string, progress Progress) (Reading, error)
	// CommitTree syncs and renames the unpack folder to its final name without replacing.
	CommitTree(ctx context.Context, a Attempt, dir string) error
	// DiscardTree removes an attempt's unpack folder.
	DiscardTree(ctx context.Context, a Attempt) error
	// TrashFile, RestoreFile and PurgeFile are Trash, Restore and Purge for one file of many: n tells them apart within the attempt.
	TrashFile(ctx context.Context, path string, a Attempt, n int) error
	OpenTrashed(ctx context.Context, a Attempt, n int) (File, error)
	RestoreFile(ctx context.Context, a Attempt, n int, path string) error
	PurgeFile(ctx context.Context, a Attempt, n int) error
	// TrashedFiles lists the n of the attempt that lie in .trash.
	TrashedFiles(ctx context.Context, a Attempt) ([]int, error)
	// RemoveDirs removes the directory of path and its parents as long as they are empty, never the root.
	RemoveDirs(ctx context.Context, path string) error
}

// File is an open regular file.
type File interface {
	io.ReadCloser
	// Info is a fresh fstat.
	Info() (Info, error)
}

// Catalog gives the storage of a location; one a process can reach. Unknown: an error.
type Catalog interface {
	Storage(location string) (Storage, error)
}

// Classify turns an error of this port into a failure about location.
func Classify(location string, err error) opsdb.Failure {
	f := opsdb.Failure{Class: opsdb.Transient, Subject: "", Text: opsdb.Said(err)}
	env := func(reason string) {
		f.Class, f.Reason, f.Subject = opsdb.Environment, reason, "location:"+location
	}
	switch {
	case errors.Is(err, ErrMismatch):
		f.Class = opsdb.BadData
	case errors.Is(err, ErrOffline):
		env("offline")
	case errors.Is(err, ErrForeign):
		env("foreign")
	case errors.Is(err, ErrFull):
		env("full")
	case errors.Is(err, ErrReadOnly):
		env("read_only")
	case errors.Is(err, ErrDenied):
		env("refused")
	case errors.Is(err, ErrBusy):
		env("busy")
	case errors.Is(err, ErrUnsafe):
		f.Class = opsdb.BadConfig
	case errors.Is(err, ErrKept), errors.Is(err, ErrOutside), errors.Is(err, ErrIrregular), errors.Is(err, ErrNotEmpty):
		f.Class = opsdb.Permanent
	}
	return f
}
