package bbcp_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// until polls for something that must become true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(b)
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder is where a tool is run by hand: s has sources, d is the target.
type folder struct {
	t    *testing.T
	b    tool
	root string
}

func newFolder(t *testing.T, b tool) folder {
	t.Helper()
	w := folder{t, b, t.TempDir()}
	must(t, os.Mkdir(w.s(""), 0o755))
	must(t, os.Mkdir(w.d(""), 0o755))
	return w
}

func (w folder) s(name string) string { return filepath.Join(w.root, "s", name) }
func (w folder) d(name string) string { return filepath.Join(w.root, "d", name) }

// source writes a source of n random bytes.
func (w folder) source(name string, n int) []byte {
	b := random(n, uint64(n))
	must(w.t, os.WriteFile(w.s(name), b, 0o644))
	return b
}

// ran is how a run by hand ended.
type ran struct {
	code int
	said string
	took time.Duration
}

// begin starts the tool in the folder of the sources, in a process group of its own.
func (w folder) begin(mischief string, args ...string) (*exec.Cmd, func() ran) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, w.b.path, args...)
	cmd.Dir = w.s("")
	cmd.Env = append(os.Environ(), "bbcp_CONFIGFN=/dev/null", "LC_ALL=C", "BBCP_FAKE="+mischief)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	said, err := os.CreateTemp(w.root, "said")
	must(w.t, err)
	cmd.Stdout, cmd.Stderr = said, said // a file: orphans that hold it do not keep Wait
	begun := time.Now()
	must(w.t, cmd.Start())
	w.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return cmd, func() ran {
		err := cmd.Wait()
		took := time.Since(begun)
		if ctx.Err() != nil {
			w.t.Errorf("%q did not end", args)
		}
		cancel()
		if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
			w.t.Fatal(err)
		}
		b, err := os.ReadFile(said.Name())
		must(w.t, err)
		return ran{cmd.ProcessState.ExitCode(), string(b), took}
	}
}

func (w folder) run(args ...string) ran {
	_, wait := w.begin(quick, args...)
	return wait()
}

// expect holds the end of a run against its row.
func (w folder) expect(r ran, code int, said string) {
	w.t.Helper()
	if r.code != code || !strings.Contains(r.said, said) {
		w.t.Errorf("exit %d, said %q; want exit %d and %q", r.code, r.said, code, said)
	}
}

// holds says what the target has: "absent", "right", "wrong" or how many bytes of the right ones are there.
func (w folder) holds(name string, want []byte, state string) {
	w.t.Helper()
	_ = os.Chmod(w.d(name), 0o600)
	got, err := os.ReadFile(w.d(name))
	is := "wrong"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		is = "absent"
	case err != nil:
		w.t.Fatal(err)
	case bytes.Equal(got, want):
		is = "right"
	case len(got) < len(want):
		is = "partial"
	}
	if is != state {
		w.t.Errorf("the target %s is %s (%d of %d bytes), not %s", name, is, len(got), len(want), state)
	}
}

func (w folder) size(name string) int64 {
	info, err := os.Stat(w.d(name))
	if err != nil {
		return -1
	}
	return info.Size()
}

// process is one that runs.
type process struct {
	pid, parent, group int
	words              []string
	stopped            bool
}

// processes are those for which keep says yes; zombies are none.
func processes(keep func(p process) bool) []process {
	var all []process
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		parent, _ := strconv.Atoi(f[1])
		group, _ := strconv.Atoi(f[2])
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		p := process{pid, parent, group, strings.Split(strings.TrimRight(string(line), "\x00"), "\x00"), f[0] == "T"}
		if f[0] != "Z" && f[0] != "X" && keep(p) {
			all = append(all, p)
		}
	}
	return all
}

// helpers are a group's processes of one side ("SRC", "SNK").
func helpers(group int, side string) []process {
	return processes(func(p process) bool { return p.group == group && p.words[len(p.words)-1] == side })
}
