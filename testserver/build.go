package testserver

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Build returns a program built from a Go module in a fixed version, as "example.org/tool/cmd/tool@v1.2.3". It is
// built once for this machine, into the user's cache, however many tests ask for it at the same time.
func Build(t testing.TB, module string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "cdt-testserver", path.Base(module))
	name, _, _ := strings.Cut(path.Base(module), "@")
	program := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err == nil {
		return program
	}
	build := filepath.Join(dir, "build")
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "install", module)
	cmd.Env = append(os.Environ(), "GOBIN="+build, "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("this test needs %s, which could not be built: %v\n%s", module, err, out)
	}
	if err := os.Rename(filepath.Join(build, name), program); err != nil { //nolint:forbidigo // a tool in a cache, not an object
		t.Fatal(err)
	}
	return program
}
