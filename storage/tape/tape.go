// Package tape keeps a location's objects on tape, behind a file system in
// front of a library (an HSM) and three commands of the site: put, recall and
// verify. It implements [storage.Storage] and [storage.Examiner].
//
// The folder is a disk ([disk.Disk]): markers, final names, create-only and
// reading back are its. On top of that:
//   - put sees to it that a file is on tape. It is asked after a file got its name and
//     again before every reading for a receipt, and must say the same however often it is asked,
//     also while it runs for the same file: a worker that was ended leaves its command running.
//   - recall brings a file back whose bytes are on tape only, before it is read.
//   - verify re-reads a file on tape and prints its SHA-256. Without it a
//     receipt is of the folder, and says so (opsdb.FromCache).
//
// Commands are lists of words, run without a shell, in the root folder; the
// word {path} is the absolute path of the file, whose last parts the engine
// made. What they answer by their exit code is in [Answers]. A command that takes its time
// does not hold up a worker: it goes on, the caller gets a [storage.NotYetError], and
// asks again later. In an archive nothing is moved or removed (S3).
//
// It imports storage, storage/disk, opsdb, clock and effect.
package tape

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
)

// Options of a tape library.
type Options struct {
	Marker opsdb.ID    // as in disk.Options
	Clock  clock.Clock // nil: the system's
	// Archive: nothing that has a final name is moved or removed.
	Archive bool
	// The commands; nil: there is none.
	Put, Recall, Verify []string
	// Wait is how long a call waits for a command; 0: 10 s. Again is after which time the caller should ask again; 0: a minute.
	Wait, Again time.Duration
	// Keep is how long what a command answered waits for the caller that asks again; later the command is run anew. 0: an hour.
	Keep time.Duration
	// Limit is how long a command may take before it is ended, and PerGB what is added for every GB of the file; 0: 12 h and a minute.
	Limit, PerGB time.Duration
}

// The defaults of [Options].
const (
	wait  = 10 * time.Second
	again = time.Minute
	keep  = time.Hour
	limit = 12 * time.Hour
	perGB = time.Minute
)

// Tape is one location behind a tape library. It is safe for concurrent use.
type Tape struct {
	storage.Storage // the folder in front
	disk            *disk.Disk
	root            string
	o               Options

	mu   sync.Mutex
	jobs map[order]*job
}

// Tape is these.
var (
	_ storage.Storage  = (*Tape)(nil)
	_ storage.Examiner = (*Tape)(nil)
)

// New returns the storage of a location whose folder is root. Nothing is looked at before the first call.
func New(location, root string, o Options) (*Tape, error) {
	d, err := disk.New(location, root, disk.Options{Marker: o.Marker, Clock: o.Clock})
	if err != nil {
		return nil, err
	}
	for _, words := range [][]string{o.Put, o.Recall, o.Verify} {
		if len(words) > 0 && !filepath.IsAbs(words[0]) {
			return nil, fmt.Errorf("tape of %s: the command %q does not begin with an absolute path", location, words)
		}
	}
	o.Wait, o.Again, o.Keep = or(o.Wait, wait), or(o.Again, again), or(o.Keep, keep)
	o.Limit, o.PerGB = or(o.Limit, limit), or(o.PerGB, perGB)
	return &Tape{Storage: d, disk: d, root: root, o: o, jobs: map[order]*job{}}, nil
}

func or(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// Put implements [storage.Storage]: the file gets its name in the folder, then it is put on tape and, with verify, read back from there.
func (t *Tape) Put(ctx context.Context, p storage.Put) (storage.Reading, error) {
	r, err := t.disk.Put(ctx, p)
	if err != nil {
		return r, err
	}
	if len(t.o.Verify) == 0 {
		r.Medium = opsdb.FromCache
		return r, t.put(ctx, p.Path, r.Size)
	}
	onTape, err := t.Read(ctx, p.Path, true, p.Progress)
	if err == nil && onTape.Digest != r.Digest {
		err = fmt.Errorf("put %s:%q: tape has %s, written was %s: %w", t.Location(), p.Path, onTape.Digest, r.Digest, storage.ErrMismatch)
	}
	return onTape, err
}

// PutSmall implements [storage.Storage].
func (t *Tape) PutSmall(ctx context.Context, a storage.Attempt, path string, content []byte) error {
	if err := t.disk.PutSmall(ctx, a, path, content); err != nil {
		return err
	}
	return t.put(ctx, path, int64(len(content)))
}

// put sees to it that a file is on tape.
func (t *Tape) put(ctx context.Context, path string, size int64) error {
	_, err := t.run(ctx, "put", t.o.Put, path, size)
	return err
}

// Open implements [storage.Storage]. What is on tape only is recalled first.
func (t *Tape) Open(ctx context.Context, path string, offset, length int64) (io.ReadCloser, error) {
	if err := t.recall(ctx, path); err != nil {
		return nil, err
	}
	return t.disk.Open(ctx, path, offset, length)
}

// Read implements [storage.Storage]. For a receipt (medium) the file is to be on tape, and is read there if there is a command for it.
func (t *Tape) Read(ctx context.Context, path string, medium bool, progress storage.Progress) (storage.Reading, error) {
	info, err := t.Stat(ctx, path)
	if err != nil {
		return storage.Reading{}, err
	}
	if medium {
		if err := t.put(ctx, path, info.Size); err != nil {
			return storage.Reading{}, err
		}
	}
	if medium && len(t.o.Verify) > 0 {
		return t.verify(ctx, path, info)
	}
	if err := t.recall(ctx, path); err != nil {
		return storage.Reading{}, err
	}
	r, err := t.disk.Read(ctx, path, medium, progress)
	r.Medium = opsdb.FromCache
	return r, err
}

// verify has a file re-read on tape.
func (t *Tape) verify(ctx context.Context, path string, info storage.Info) (storage.Reading, error) {
	said, err := t.run(ctx, "verify", t.o.Verify, path, info.Size)
	if err != nil {
		return storage.Reading{}, err
	}
	digest, _, _ := strings.Cut(strings.TrimSpace(said), " ")
	if len(digest) != 64 || strings.Trim(digest, "0123456789abcdef") != "" {
		return storage.Reading{}, fmt.Errorf("verify %s:%q: the command did not print a SHA-256: %w", t.Location(), path, errAnswer)
	}
	return storage.Reading{Digest: opsdb.Digest(digest), Size: info.Size, Medium: opsdb.FromMedium, Identity: info.Identity}, nil
}

// recall brings a file back if its bytes are not in the folder.
func (t *Tape) recall(ctx context.Context, path string) error {
	if len(t.o.Recall) == 0 {
		return nil
	}
	info, err := t.Stat(ctx, path)
	if err != nil || !info.Mode.IsRegular() {
		return err
	}
	abs, err := t.disk.AbsPath(ctx, path)
	if err != nil {
		return err
	}
	stub, err := isStub(abs)
	if err != nil || !stub {
		return err
	}
	_, err = t.run(ctx, "recall", t.o.Recall, path, info.Size)
	return err
}

// isStub reports a file with fewer bytes in the file system than it is long: an HSM
// keeps size and name and takes the blocks away. A file system that compresses looks the same; then
// recall is asked for a file that is there, and has nothing to do.
func isStub(abs string) (bool, error) {
	var st unix.Stat_t
	if err := unix.Lstat(abs, &st); err != nil {
		return false, fmt.Errorf("look for the blocks of %s: %w", abs, storage.FromSystem(err))
	}
	return st.Size > inline && st.Blocks*512 < st.Size, nil
}

// inline is what file systems keep in the inode, without a block, in bytes.
const inline = 4096

// Trash implements [storage.Storage].
func (t *Tape) Trash(ctx context.Context, path string, a storage.Attempt) error {
	if t.o.Archive {
		return t.kept()
	}
	return t.disk.Trash(ctx, path, a)
}

// Restore implements [storage.Storage].
func (t *Tape) Restore(ctx context.Context, a storage.Attempt, path string) error {
	if t.o.Archive {
		return t.kept()
	}
	return t.disk.Restore(ctx, a, path)
}

// Purge implements [storage.Storage].
func (t *Tape) Purge(ctx context.Context, a storage.Attempt) error {
	if t.o.Archive {
		return t.kept()
	}
	return t.disk.Purge(ctx, a)
}

// Quarantine implements [storage.Storage].
func (t *Tape) Quarantine(ctx context.Context, path string, a storage.Attempt) (string, error) {
	if t.o.Archive {
		return "", t.kept()
	}
	return t.disk.Quarantine(ctx, path, a)
}

func (t *Tape) kept() error { return fmt.Errorf("%s: %w", t.Location(), storage.ErrKept) }

// Examine implements [storage.Examiner]: whether the commands are there.
func (t *Tape) Examine(context.Context) ([]storage.Remark, error) {
	var out []storage.Remark
	for _, c := range []struct {
		name  string
		words []string
	}{{"put", t.o.Put}, {"recall", t.o.Recall}, {"verify", t.o.Verify}} {
		switch {
		case len(c.words) == 0 && c.name == "verify":
			out = append(out, storage.Remark{Text: "there is no command verify: receipts are of the folder in front, not of tape", Do: "give one that re-reads a file on tape and prints its SHA-256"})
		case len(c.words) == 0:
		case unix.Access(c.words[0], unix.X_OK) != nil:
			out = append(out, storage.Remark{Wrong: true, Text: fmt.Sprintf("the command %s, %s, cannot be run", c.name, c.words[0]), Do: "install it on this host, executable for the user dtctl runs as"})
		default:
			if info, err := os.Stat(c.words[0]); err == nil && info.Mode().Perm()&0o002 != 0 {
				out = append(out, storage.Remark{Wrong: true, Text: fmt.Sprintf("anybody may change %s", c.words[0]), Do: "chmod o-w " + c.words[0]})
			}
		}
	}
	return out, nil
}
