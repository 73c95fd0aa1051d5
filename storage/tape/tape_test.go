package tape

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver/executable"
)

// library is a stand-in for an HSM: a folder of tapes and a command that is slow when it is told to, says "not
// yet" as often as it is told to, and can be made to fail. Its state is files, so that it can be changed while it runs;
// two puts of one file at once are one, as the contract asks of a site's command.
type library struct {
	dir     string
	command string
}

// program is the stand-in. "$2" is the file; tapes are named by its last part.
const program = `#!/bin/sh
verb=$1 file=$2 lib=$(dirname "$0")
echo "$verb ${file##*/}" >> "$lib/asked"
[ -e "$lib/exit.$verb" ] && { echo "told to fail" >&2; exit "$(cat "$lib/exit.$verb")"; }
n=$(cat "$lib/notyet.$verb" 2>/dev/null || echo 0)
[ "$n" -gt 0 ] && { echo $((n - 1)) > "$lib/notyet.$verb"; exit 75; }
[ -e "$lib/slow" ] && read -r _ < "$lib/slow"
tape=$lib/tapes/${file##*/}
case $verb in
put) [ -e "$tape" ] || { cp "$file" "$tape.$$" && mv -f "$tape.$$" "$tape"; } ;;
recall) cp "$tape" "$file" ;;
verify) [ -e "$tape" ] || exit 66; sha256sum < "$tape" ;;
esac
`

func newLibrary(t *testing.T) library {
	t.Helper()
	l := library{dir: t.TempDir()}
	l.command = filepath.Join(l.dir, "hsm")
	if err := os.Mkdir(filepath.Join(l.dir, "tapes"), 0o755); err != nil {
		t.Fatal(err)
	}
	executable.Write(t, l.command, program)
	return l
}

func (l library) set(t *testing.T, name, value string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(value), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (l library) unset(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(l.dir, name)); err != nil {
		t.Fatal(err)
	}
}

func (l library) asked(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, "asked"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// archive is an archive in front of the library.
func (l library) archive(t *testing.T, change func(*Options)) *Tape {
	t.Helper()
	o := Options{
		Archive: true, Wait: 30 * time.Second, Again: time.Minute,
		Put: []string{l.command, "put", "{path}"}, Recall: []string{l.command, "recall"}, Verify: []string{l.command, "verify", "{path}"},
	}
	if change != nil {
		change(&o)
	}
	s, err := New("cornell.lta", filepath.Join(t.TempDir(), "root"), o)
	if err != nil {
		t.Fatal(err)
	}
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: "cornell.lta", MadeAt: time.Unix(1, 0)}
	if err := s.Init(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Storage {
		return newLibrary(t).archive(t, func(o *Options) { o.Archive = false; o.Put, o.Verify = nil, nil })
	})
}

// A receipt is of tape when there is a command that reads there.
func TestPutAndVerify(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	s, b := l.archive(t, nil), storagetest.Bytes(100_000, 1)
	r := storagetest.MustPut(t, s, "p.tar", b)
	if r.Medium != opsdb.FromMedium || r.Digest != storagetest.Digest(b) || r.Size != 100_000 {
		t.Errorf("reading %+v", r)
	}
	l.set(t, "tapes/p.tar", "rotten")
	r, err := s.Read(t.Context(), "p.tar", true, nil)
	if err != nil || r.Digest != storagetest.Digest([]byte("rotten")) {
		t.Errorf("a rotten tape reads %+v, %v", r, err)
	}
	plain := l.archive(t, func(o *Options) { o.Verify = nil })
	if r := storagetest.MustPut(t, plain, "q.tar", b); r.Medium != opsdb.FromCache {
		t.Errorf("without verify the reading is from %s", r.Medium)
	}
}

// A stub keeps its size and has no blocks; it is recalled before it is read.
func TestAStubIsRecalled(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	s, b := l.archive(t, nil), storagetest.Bytes(100_000, 1)
	storagetest.MustPut(t, s, "p.tar", b)
	if got := storagetest.Content(t, s, "p.tar"); storagetest.Digest(got) != storagetest.Digest(b) || strings.Contains(l.asked(t), "recall") {
		t.Fatalf("%d bytes; asked %q", len(got), l.asked(t))
	}
	release(t, s, "p.tar")
	if got := storagetest.Content(t, s, "p.tar"); storagetest.Digest(got) != storagetest.Digest(b) || !strings.Contains(l.asked(t), "recall p.tar") {
		t.Errorf("%d bytes; asked %q", len(got), l.asked(t))
	}
}

// release takes the blocks of a file away, as an HSM does.
func release(t *testing.T, s *Tape, path string) {
	t.Helper()
	abs := filepath.Join(s.root, path)
	info, err := os.Stat(abs)
	if err == nil {
		err = errors.Join(os.Truncate(abs, 0), os.Truncate(abs, info.Size()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// "Not yet" is no failure: the caller asks again later, and at some time it is there.
func TestNotYet(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	s, b := l.archive(t, nil), storagetest.Bytes(100_000, 1)
	l.set(t, "notyet.put", "2")
	l.set(t, "notyet.verify", "1")
	_, err := s.Put(t.Context(), storagetest.PutOf(storagetest.NewAttempt(), "p.tar", b))
	later(t, err, "written to tape")
	_, err = s.Read(t.Context(), "p.tar", true, nil)
	later(t, err, "written to tape")
	_, err = s.Read(t.Context(), "p.tar", true, nil)
	later(t, err, "re-read on tape")
	if r, err := s.Read(t.Context(), "p.tar", true, nil); err != nil || r.Digest != storagetest.Digest(b) {
		t.Errorf("at last %+v, %v", r, err)
	}
	release(t, s, "p.tar")
	l.set(t, "notyet.recall", "1")
	_, err = s.Open(t.Context(), "p.tar", 0, -1)
	later(t, err, "recalled from tape")
	if got := storagetest.Content(t, s, "p.tar"); storagetest.Digest(got) != storagetest.Digest(b) {
		t.Errorf("recalled %d bytes", len(got))
	}
}

func later(t *testing.T, err error, doing string) {
	t.Helper()
	var notYet *storage.NotYetError
	if !errors.As(err, &notYet) || notYet.After != time.Minute || notYet.Doing != doing {
		t.Fatalf("error %v, want not yet: %s", err, doing)
	}
}

// A slow command goes on while the caller does other things; whoever asks again joins it.
func TestASlowLibrary(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	s, b := l.archive(t, nil), storagetest.Bytes(100_000, 1)
	storagetest.MustPut(t, s, "p.tar", b)
	release(t, s, "p.tar")
	if err := mkfifo(filepath.Join(l.dir, "slow")); err != nil {
		t.Fatal(err)
	}
	s.o.Wait = time.Millisecond
	for range 3 {
		_, err := s.Open(t.Context(), "p.tar", 0, -1)
		later(t, err, "recalled from tape")
	}
	s.mu.Lock()
	j := s.jobs[order{"recall", "p.tar"}]
	s.mu.Unlock()
	l.set(t, "slow", "go\n") // ends what waits
	<-j.done
	l.unset(t, "slow")
	s.o.Wait = 30 * time.Second
	if got := storagetest.Content(t, s, "p.tar"); storagetest.Digest(got) != storagetest.Digest(b) {
		t.Errorf("recalled %d bytes", len(got))
	}
	if n := strings.Count(l.asked(t), "recall"); n != 1 {
		t.Errorf("the command ran %d times: %q", n, l.asked(t))
	}
}

// What a command read long ago for a caller that did not come back is no reading of today: a receipt made of it would be
// fresh and say how the tape was then.
func TestAnOldAnswerIsNoReading(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	s, b := l.archive(t, nil), storagetest.Bytes(100_000, 1)
	storagetest.MustPut(t, s, "p.tar", b)
	if err := mkfifo(filepath.Join(l.dir, "slow")); err != nil {
		t.Fatal(err)
	}
	s.o.Put, s.o.Wait, s.o.Keep = nil, time.Millisecond, time.Nanosecond
	_, err := s.Read(t.Context(), "p.tar", true, nil)
	later(t, err, "re-read on tape")
	s.mu.Lock()
	j := s.jobs[order{"verify", "p.tar"}]
	s.mu.Unlock()
	l.set(t, "slow", "go\n") // ends what waits
	<-j.done
	l.unset(t, "slow")
	l.set(t, "tapes/p.tar", "rotten")
	s.o.Wait = 30 * time.Second
	r, err := s.Read(t.Context(), "p.tar", true, nil)
	if err != nil || r.Digest != storagetest.Digest([]byte("rotten")) {
		t.Errorf("the tape is read as it was: %+v, %v", r, err)
	}
}

// Exit codes mean what the table says.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for exit, want := range map[int]error{65: storage.ErrMismatch, 66: fs.ErrNotExist, 69: storage.ErrOffline, 77: storage.ErrDenied, 1: nil, 3: nil} {
		t.Run(fmt.Sprint(exit), func(t *testing.T) {
			t.Parallel()
			l := newLibrary(t)
			s := l.archive(t, nil)
			storagetest.MustPut(t, s, "p.tar", []byte("x"))
			l.set(t, "exit.verify", fmt.Sprint(exit))
			_, err := s.Read(t.Context(), "p.tar", true, nil)
			if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), "told to fail") {
				t.Errorf("exit %d: %v, want %v", exit, err, want)
			}
			if f := storage.Classify("a.b", err); want == nil && f.Class != opsdb.Transient {
				t.Errorf("exit %d is %+v", exit, f)
			}
		})
	}
}

// A command that is not there, takes too long or does not print a digest is no object that is lost.
func TestBadCommands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Options)
		want   error
	}{
		"not there":   {func(o *Options) { o.Verify = []string{"/no/such/program"} }, storage.ErrOffline},
		"no digest":   {func(o *Options) { o.Verify = []string{"/bin/echo"} }, storage.ErrUnsafe},
		"not a digit": {func(o *Options) { o.Verify = []string{"/bin/echo", strings.Repeat("x", 64)} }, storage.ErrUnsafe},
		"for ever":    {func(o *Options) { o.Verify, o.Limit = []string{"/bin/sh", "-c", "sleep 1000"}, 50*time.Millisecond }, storage.ErrOffline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newLibrary(t).archive(t, c.change)
			_, err := s.Put(t.Context(), storagetest.PutOf(storagetest.NewAttempt(), "p.tar", []byte("x")))
			if !errors.Is(err, c.want) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if remarks, err := s.Examine(t.Context()); err != nil || name == "not there" && !remarks[0].Wrong {
				t.Errorf("remarks %+v, %v", remarks, err)
			}
		})
	}
	if _, err := New("a.b", t.TempDir(), Options{Put: []string{"migrate"}}); err == nil {
		t.Error("a command is looked for in PATH")
	}
}

// In an archive nothing that has a name is moved or removed; a caller that goes away is let go.
func TestAnArchiveKeeps(t *testing.T) {
	t.Parallel()
	l := newLibrary(t)
	s, a := l.archive(t, nil), storagetest.NewAttempt()
	storagetest.MustPut(t, s, "p.tar", []byte("x"))
	_, quarantine := s.Quarantine(t.Context(), "p.tar", a)
	for _, err := range []error{s.Trash(t.Context(), "p.tar", a), s.Restore(t.Context(), a, "p.tar"), s.Purge(t.Context(), a), quarantine} {
		if !errors.Is(err, storage.ErrKept) {
			t.Errorf("error %v", err)
		}
	}
	if err := s.PutSmall(t.Context(), a, "p.json", []byte("{}")); err != nil || !strings.Contains(l.asked(t), "put p.json") {
		t.Errorf("sidecar: %v, asked %q", err, l.asked(t))
	}
	if err := mkfifo(filepath.Join(l.dir, "slow")); err != nil {
		t.Fatal(err)
	}
	defer l.set(t, "slow", "go\n")
	ctx, cancel := context.WithCancel(t.Context())
	before, read := l.asked(t), make(chan error, 1)
	go func() {
		_, err := s.Read(ctx, "p.tar", true, nil)
		read <- err
	}()
	storagetest.Await(t, "the command runs", func() bool { return l.asked(t) != before }) // or nobody would ever hear "go"
	cancel()
	if err := <-read; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
