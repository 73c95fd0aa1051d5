//go:build servers

package machine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ccatobs/cdt/examples/three-sites/machine"
)

func sh(text string) *exec.Cmd { return exec.Command("/bin/sh", "-c", text) }

func TestAMachineSeesItsOwn(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	own, others := filepath.Join(root, "own"), filepath.Join(root, "others")
	for _, dir := range []string{own, others} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(dir), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := machine.New(machine.Options{Name: "cologne", Disk: own, Hide: []string{root}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	for script, want := range map[string]string{
		"hostname":                       "cologne",
		"cat " + machine.Disks + "/file": own,
		"ls " + root:                     "",
		"[ $(ls -d /proc/[0-9]* | wc -l) -lt 10 ] && echo few": "few",
		"tail -n +3 /proc/net/dev | wc -l":                     "1", // lo alone
	} {
		got, err := m.Run(sh(script))
		if err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%s: %q, want %q, %v", script, got, want, err)
		}
	}
	if _, err := m.Run(sh("exit 3")); err == nil {
		t.Error("a command that fails is no error")
	}
	if err := m.Set("net.ipv4.no_such", "1"); err == nil {
		t.Error("a setting that is none is taken")
	}
}

func TestWhatRunsOnAMachineEndsWithIt(t *testing.T) {
	t.Parallel()
	m, err := machine.New(machine.Options{Name: "cornell"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	stopped, kept := sh("sleep 1000"), sh("setsid sleep 1000")
	first, err := m.Start(stopped)
	if err != nil {
		t.Fatal(err)
	}
	second, err := m.Start(kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := stopped.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	ended(t, first)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	ended(t, second)
	if _, err := m.Start(sh("true")); err == nil {
		t.Error("something starts on a machine that is gone")
	}
}

func ended(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("it did not end")
	}
}

func TestAMachineThatCannotBe(t *testing.T) {
	t.Parallel()
	_, err := machine.New(machine.Options{Name: "moon", Disk: "/no/such/folder"})
	if err == nil || !strings.Contains(err.Error(), "/no/such/folder") {
		t.Errorf("got %v", err)
	}
}
