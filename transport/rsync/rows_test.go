//go:build servers

package rsync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver"
	"github.com/ccatobs/cdt/testserver/executable"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/ssh"
)

// world is one item on a link.
type world struct {
	link
	source storage.Storage
	root   string // of the target
	item   transport.Item
	bytes  []byte
}

func newWorld(t *testing.T, l link, size int) *world {
	t.Helper()
	return newWorldIn(t, l, t.TempDir(), size)
}

// newWorldIn is a world whose target lies in a folder.
func newWorldIn(t *testing.T, l link, dir string, size int) *world {
	t.Helper()
	w := &world{link: l, root: filepath.Join(dir, "root"), bytes: storagetest.Bytes(size, 1)}
	w.source, _ = newDisk(t, "ccat.buffer", filepath.Join(t.TempDir(), "root"))
	storagetest.MustPut(t, w.source, "p.tar", w.bytes)
	w.item = transport.Item{
		Package: opsdb.NewID(), Source: w.source, Path: "p.tar", Target: l.far(t, "cologne.buffer", w.root),
		Attempt: storagetest.NewAttempt(), Size: int64(size), Segments: storagetest.Segments(w.bytes, segment),
	}
	return w
}

func (w *world) send(ctx context.Context, t *testing.T, moved func(int64)) error {
	t.Helper()
	return w.transport(t).Send(ctx, []transport.Item{w.item}, func(_ int, n int64) {
		if moved != nil {
			moved(n)
		}
	})[0]
}

// script makes a program of a shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	executable.Write(t, path, "#!/bin/sh\n"+text+"\n")
	return path
}

// TestBadLinks: every trouble of a link is told as what it is, and leaves no final name.
func TestBadLinks(t *testing.T) {
	t.Parallel()
	dtctl := testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl")
	for name, c := range map[string]struct {
		spoil   func(t *testing.T, w *world)
		class   opsdb.FailureClass
		reason  string
		subject string
		says    string
	}{
		"login refused":        {func(_ *testing.T, w *world) { w.ShutOut() }, opsdb.Environment, ssh.Login, "link:ccat>cologne", "authorized_keys"},
		"another host key":     {func(_ *testing.T, w *world) { w.Stop(); w.OtherHostKey(); w.Start() }, opsdb.Environment, ssh.HostKey, "link:ccat>cologne", "known_hosts"},
		"no sshd":              {func(_ *testing.T, w *world) { w.Stop() }, opsdb.Environment, ssh.Unreachable, "link:ccat>cologne", "look whether sshd runs"},
		"no route":             {func(_ *testing.T, w *world) { w.options.Host.Name = "none.invalid" }, opsdb.Environment, ssh.Unreachable, "link:ccat>cologne", "look whether the host is up"},
		"no rsync here":        {func(_ *testing.T, w *world) { w.options.Program = "/none/rsync" }, opsdb.BadConfig, ssh.NoProgram, "", "install it here"},
		"no rsync there":       {func(_ *testing.T, w *world) { w.options.RemoteProgram = "/none/rsync" }, opsdb.BadConfig, ssh.NoProgram, "", "at the other end"},
		"no agent there":       {func(_ *testing.T, w *world) { w.options.Agent = "/none/dtctl" }, opsdb.BadConfig, ssh.NoProgram, "", "at the other end"},
		"good without bytes":   {func(t *testing.T, w *world) { w.options.Program = script(t, "exit 0") }, opsdb.Transient, "", "", "rsync says all is well, but 0 of 5000 bytes"},
		"fails without a word": {func(t *testing.T, w *world) { w.options.Program = script(t, "exit 23") }, opsdb.Transient, "", "", "exit status 23"},
		"babbles": {func(t *testing.T, w *world) {
			w.options.Program, w.options.Stall = script(t, `i=0; while :; do i=$((i+1000)); printf "$i  1%%  1.0MB/s 0:00:01\r"; done`), time.Second
		}, opsdb.Environment, "stalled", "link:ccat>cologne", "no byte moved"},
		"hangs": {func(t *testing.T, w *world) {
			w.options.Program, w.options.Stall = script(t, "trap '' TERM; sleep 600 & wait; wait"), time.Second
		}, opsdb.Environment, "stalled", "link:ccat>cologne", "no byte moved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newLink(t, dtctl), 5*segment)
			if _, err := w.item.Target.Check(t.Context()); err != nil { // the agent is there already
				t.Fatal(err)
			}
			c.spoil(t, w)
			err := w.send(t.Context(), t, nil)
			f := stages.FailureOf(err)
			if err == nil || f.Class != c.class || f.Reason != c.reason || f.Subject != c.subject || !strings.Contains(f.Text, c.says) {
				t.Errorf("got %v, classified %+v", err, f)
			}
			for found, err := range mustDisk(t, w.root).List(t.Context(), "") {
				t.Errorf("there is %+v, %v", found, err)
			}
		})
	}
}

// TestFailsWithTheBytes: a bad exit code takes nothing from bytes that are there.
func TestFailsWithTheBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newLink(t, testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl")), 5*segment)
	w.options.Program = script(t, `rsync "$@"; exit 255`)
	if err := w.send(t.Context(), t, nil); err != nil {
		t.Error(err)
	}
}

// TestCutAndKill: a cut, and a cancel, in the middle leave nothing that moves, and what is resumed after it is right.
func TestCutAndKill(t *testing.T) {
	t.Parallel()
	dtctl := testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl")
	for name, end := range map[string]func(w *world, cancel func()){
		"cut":    func(w *world, _ func()) { w.Break() },
		"cancel": func(_ *world, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newLink(t, dtctl), 4_000_000)
			w.options.Rate = 1 << 20
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := false
			err := w.send(ctx, t, func(n int64) {
				if n > 0 && !ended {
					ended = true
					end(w, cancel)
				}
			})
			if f := stages.FailureOf(err); err == nil || name == "cut" && f.Subject != "link:ccat>cologne" || name == "cancel" && !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v, classified %+v", err, f)
			}
			part := filepath.Join(w.root, opsdb.PartDir, w.item.Attempt.Name())
			before := sizeOf(part)
			if name == "cut" { // the other end finds out by itself
				storagetest.Await(t, "nobody writes the part", func() bool { return len(storagetest.Busy(part)) == 0 })
				before = sizeOf(part)
			}
			if pids := storagetest.Busy(part); len(pids) > 0 {
				t.Errorf("processes %v still have the part open", pids)
			}
			if before == 0 || before == w.item.Size {
				t.Errorf("the part has %d bytes", before)
			}
			w.item.Earlier, w.options.Rate = []storage.Attempt{w.item.Attempt}, 0
			w.item.Attempt = storagetest.Next(w.item.Attempt)
			if err := w.send(t.Context(), t, nil); err != nil {
				t.Fatal(err)
			}
			r, err := w.item.Target.(storage.Receiver).ReadPart(t.Context(), w.item.Attempt, nil)
			if err != nil || r.Digest != storagetest.Digest(w.bytes) {
				t.Errorf("resumed to %d bytes, %v", r.Size, err)
			}
		})
	}
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// TestFullAndForbidden: what is wrong with the destination's disk is told as that location's.
func TestFullAndForbidden(t *testing.T) {
	t.Parallel()
	l := newLink(t, testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl"))
	for reason, flags := range map[string]uintptr{"full": 0, "read_only": unix.MS_RDONLY} {
		w := newWorld(t, l, 6<<20)
		parts := filepath.Join(w.root, opsdb.PartDir)
		if err := os.MkdirAll(parts, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", parts, "tmpfs", flags, "size=4m"); err != nil {
			t.Fatal(err)
		}
		err := w.send(t.Context(), t, nil)
		f := stages.FailureOf(err)
		if f.Class != opsdb.Environment || f.Reason != reason || f.Subject != "location:cologne.buffer" {
			t.Errorf("%s: %v, classified %+v", reason, err, f)
		}
		if err := unix.Unmount(parts, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFileThatCouldNotBeWritten: a receiver that ends with exit code 11 says nothing of why. The destination is
// asked then: it is blamed if it has too little room for the rest or cannot be written, and nothing is if it is well.
func TestAFileThatCouldNotBeWritten(t *testing.T) {
	t.Parallel()
	l := newLink(t, testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl"))
	for _, c := range []struct {
		name     string
		size     int // of the package; the file system has room for 4 MiB
		readOnly bool
		class    opsdb.FailureClass
		reason   string
		subject  string
		says     string
	}{
		{"there is room", 1 << 20, false, opsdb.Transient, "", "", "exit status 11"},
		{"there is too little", 6 << 20, false, opsdb.Environment, "full", "location:cologne.buffer", "6291456 are needed"},
		{"there is room and nothing may be written", 1 << 20, true, opsdb.Environment, "read_only", "location:cologne.buffer", "read-only"},
	} {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
			t.Fatal(err)
		}
		w := newWorldIn(t, l, dir, c.size)
		w.options.Program = script(t, "exit 11")
		if c.readOnly {
			w.options.Program = script(t, "mount -o remount,ro "+dir+" || exit 1; exit 11") // in the midst of the call
		}
		err := w.send(t.Context(), t, nil)
		f := stages.FailureOf(err)
		if f.Class != c.class || f.Reason != c.reason || f.Subject != c.subject || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %v, classified %+v", c.name, err, f)
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOddNames (S11): people's folders here may be named anyhow; at the other end they may not.
func TestOddNames(t *testing.T) {
	t.Parallel()
	l := newLink(t, testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl"))
	for i, odd := range []string{"a b", "-rf", "c:d", "$(touch x)", "e'f", "g\"h", "*", "new\nline"} {
		w := newWorld(t, l, 100)
		source, _ := newDisk(t, "ccat.buffer", filepath.Join(t.TempDir(), odd))
		storagetest.MustPut(t, source, "p.tar", w.bytes)
		w.item.Source = source
		if err := w.send(t.Context(), t, nil); err != nil {
			t.Errorf("from %q: %v", odd, err)
		}
		root := filepath.Join(t.TempDir(), fmt.Sprintf("%d", i), odd)
		if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
			t.Fatal(err)
		}
		w.item.Target = l.far(t, "cologne.buffer", root)
		if odd == "-rf" || odd == "c:d" {
			continue // no harm in the middle of a path
		}
		if f := stages.FailureOf(w.send(t.Context(), t, nil)); f.Class != opsdb.BadConfig {
			t.Errorf("to %q: classified %+v", odd, f)
		}
	}
}

// TestPull: the destination drives.
func TestPull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, newLink(t, testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl")), 5*segment)
	storagetest.MustPut(t, mustDisk(t, w.root), "p.tar", w.bytes)
	target, _ := newDisk(t, "ccat.buffer", filepath.Join(t.TempDir(), "root"))
	w.item.Source, w.item.Target = w.item.Target, target
	if err := w.send(t.Context(), t, nil); err != nil {
		t.Fatal(err)
	}
	r, err := target.ReadPart(t.Context(), w.item.Attempt, nil)
	if err != nil || r.Digest != storagetest.Digest(w.bytes) {
		t.Errorf("pulled %d bytes, %v", r.Size, err)
	}
}
