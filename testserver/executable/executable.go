// Package executable writes programs for tests that run them. It is for tests only and imports nothing of ours.
package executable

import (
	"os"
	"syscall"
	"testing"
)

// Write writes a program that can be run at once. A process that another test forks in the midst of a plain write
// has the file open for writing until it has become another program, and nobody can run it till then: "text file
// busy" (golang.org/issue/22315). So nobody forks meanwhile.
func Write(t testing.TB, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	err := os.WriteFile(path, []byte(text), 0o755) //nolint:gosec // it is run
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
}
