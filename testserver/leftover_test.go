package testserver

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// leaving is the folder in which the process of a test that is to be killed makes one.
const leaving = "CDT_TEST_LEAVES_IN"

// TestLeavesAFolder is what TestSweep kills.
func TestLeavesAFolder(t *testing.T) {
	in := os.Getenv(leaving)
	if in == "" {
		return // there is nothing to show
	}
	if _, err := os.Stdout.WriteString(folderIn(t, in, nil) + "\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it is killed
}

// What a killed test has left is removed, and nothing else is.
func TestSweep(t *testing.T) {
	t.Parallel()
	in := t.TempDir()
	mine, unmarked := folderIn(t, in, nil), filepath.Join(in, "cdt-unmarked")
	if err := os.Mkdir(unmarked, 0o700); err != nil {
		t.Fatal(err)
	}
	stay := []string{mine, unmarked}
	for _, file := range []string{"owner", owner} { // another program's
		dir, err := os.MkdirTemp(in, "cdt-data-")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte("ada"), 0o600); err != nil {
			t.Fatal(err)
		}
		stay = append(stay, dir)
	}
	if os.Geteuid() == 0 {
		others := filepath.Join(in, "cdt-others")
		if err := os.Mkdir(others, 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := own(others)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Chown(65534, 65534); err != nil {
			t.Fatal(err)
		}
		_ = f.Close() // it has ended
		stay = append(stay, others)
	}
	left, kill := killable(t, in)
	swept := func(gone bool) {
		t.Helper()
		if err := sweep(in); err != nil {
			t.Fatal(err)
		}
		for _, dir := range stay {
			if _, err := os.Stat(dir); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(left); os.IsNotExist(err) != gone {
			t.Errorf("what the other process made: %v", err)
		}
	}
	swept(false)
	kill()
	swept(true)
}

// killable is a folder that a process of its own has made, and what kills that.
func killable(t *testing.T, in string) (dir string, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLeavesAFolder$") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), leaving+"="+in)
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("it made none")
	}
	return lines.Text(), func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = hold.Close()
	}
}
