// Package testserver starts real servers for tests, each test's own, and ends
// them with it. What a server needs and this machine does not have fails the
// test and says what to install: a test that is left out proves nothing.
//
// Tests that call it carry the build tag "servers", so that `make test` needs
// Go alone; `make test-servers` and .ci/run include them.
//
// It is for tests only and imports nothing of ours.
package testserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take until it is ready, and until it has ended.
const patience = time.Minute

// Need returns the path of a program, looked for in PATH and then in the given
// folders (globs). Without it the test fails and names the Debian package to install.
func Need(t testing.TB, program, debian string, folders ...string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, f := range folders {
		found, err := filepath.Glob(filepath.Join(f, program))
		if err != nil {
			t.Fatalf("look for %s: %v", program, err)
		}
		if len(found) > 0 {
			return found[len(found)-1] // the newest version, by name
		}
	}
	t.Fatalf("this test needs %s, which is not on this machine: apt-get install %s", program, debian)
	return ""
}

// Port returns a TCP port of this host that is free, and nobody else's who asks so until the test has ended. It is below those
// that the kernel gives to connections.
func Port(t testing.TB) int {
	t.Helper()
	const first, count = 20_000, 12_000
	var lc net.ListenConfig
	for range 1000 {
		port := first + rand.IntN(count) //nolint:gosec // any will do
		mine, err := lc.Listen(t.Context(), "unix", fmt.Sprintf("@cdt-port-%d", port))
		if err != nil {
			continue
		}
		if !free(t, port) {
			_ = mine.Close()
			continue
		}
		t.Cleanup(func() { _ = mine.Close() })
		return port
	}
	t.Fatal("find a free port: a thousand were taken")
	return 0
}

// free reports whether a port can be listened at. Nobody forks meanwhile: a process that has the socket until it has
// become another program would keep the port.
func free(t testing.TB, port int) bool {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// server is a child process that is ready once a line of its output says so.
type server struct {
	name   string
	cmd    *exec.Cmd
	ready  string // part of a line
	signal syscall.Signal
}

// start runs the server until the test ends. It dies with the test's process,
// however that ends. It returns what the server says.
func (s server) start(t testing.TB) *log {
	t.Helper()
	if s.cmd.SysProcAttr == nil {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	s.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	out, in := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = in, in
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// Pdeathsig looks at the thread that forked: it must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			err = s.cmd.Wait()
		}
		_ = in.Close()
		ended <- err
	}()
	said := listen(out, s.ready)
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", s.name, err)
	}
	t.Cleanup(func() { s.stop(t, ended) })
	select {
	case <-said.ready:
	case err := <-ended:
		ended <- err // for the clean-up
		t.Fatalf("%s ended at once: %v\n%s", s.name, err, said)
	case <-time.After(patience):
		t.Fatalf("%s is not ready after %s\n%s", s.name, patience, said)
	}
	return said
}

func (s server) stop(t testing.TB, ended chan error) {
	_ = s.cmd.Process.Signal(s.signal)
	select {
	case err := <-ended:
		t.Logf("%s ended: %v", s.name, err)
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		t.Errorf("%s did not end within %s", s.name, patience)
	}
}

// log is what a server said.
type log struct {
	mu    sync.Mutex
	lines []string
	ready chan struct{}
}

// listen keeps the last lines of a server's output and closes ready at the first that says so.
func listen(out io.Reader, ready string) *log {
	l := &log{ready: make(chan struct{})}
	go func() {
		told := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			l.mu.Lock()
			l.lines = append(last(l.lines, 10_000), lines.Text())
			l.mu.Unlock()
			if !told && strings.Contains(lines.Text(), ready) {
				told = true
				close(l.ready)
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	return l
}

// String is the end of what was said.
func (l *log) String() string { return strings.Join(last(l.kept(), 50), "\n") }

// kept is all of it, unless that is very long.
func (l *log) kept() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

func last(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// unprivileged returns a user to run as, if this process is root: some servers
// refuse to be root. nil: run as who we are.
func unprivileged(t testing.TB, names ...string) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatalf("this test runs as root and needs one of the users %q to start a server", names)
	return nil
}

// folder makes a folder with a short name (sockets may have 107 bytes), owned by the server's user.
func folder(t testing.TB, as *syscall.Credential) string {
	t.Helper()
	return folderIn(t, "", as)
}

// folderIn is folder within another one, of which it removes what killed tests left there; "": that of temporary files, which others look after.
func folderIn(t testing.TB, parent string, as *syscall.Credential) string {
	t.Helper()
	if parent != "" {
		if err := sweep(parent); err != nil {
			t.Logf("remove what killed tests left in %s: %v", parent, err)
		}
	}
	dir, err := os.MkdirTemp(parent, "cdt-")
	if err != nil {
		t.Fatal(err)
	}
	if parent != "" {
		mark, err := own(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = mark.Close() }) // after the folder is gone
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runOnce runs a program to its end; its output is shown if it fails.
func runOnce(t testing.TB, as *syscall.Credential, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = os.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, out))
	}
}
