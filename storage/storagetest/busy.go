package storagetest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Busy lists the processes of this host, but for the test's own, that have the
// file at path open or are called with its name: whoever may still write it.
func Busy(path string) (pids []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	self, _ := os.Readlink("/proc/self")
	for _, dir := range dirs {
		if pid := filepath.Base(dir); pid != self && busyWith(dir, path) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func busyWith(proc, path string) bool {
	if text, err := os.ReadFile(filepath.Join(proc, "cmdline")); err == nil && bytes.Contains(text, []byte(path)) {
		return true
	}
	files, _ := filepath.Glob(filepath.Join(proc, "fd", "*"))
	for _, f := range files {
		if to, err := os.Readlink(f); err == nil && to == path {
			return true
		}
	}
	return false
}

// Await polls until so holds, and fails the test if it does not within two minutes.
func Await(t *testing.T, what string, so func() bool) {
	t.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("not so after two minutes: %s", what)
		}
	}
}
