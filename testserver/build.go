package testserver

import (
	"context"
	"fmt"
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
	name, _, _ := strings.Cut(path.Base(module), "@")
	return cached(t, path.Base(module), name, func(b *building) error {
		return b.run(b.dir, "go", "install", module)
	})
}

// building is a folder of the cache in which a program is being made, as build/<its name>.
type building struct {
	ctx context.Context
	dir string
}

// run runs a command of the build in a folder, with what is wrong in its error.
func (b *building) run(in, program string, args ...string) error {
	_, err := b.output(in, program, args...)
	return err
}

func (b *building) output(in, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(b.ctx, program, args...)
	cmd.Env = append(os.Environ(), "GOBIN="+filepath.Join(b.dir, "build"), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	cmd.Dir = in
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", program, strings.Join(args, " "), err, said.String(), out)
	}
	return out, err
}

// cached returns a program of the cache, in a folder whose name says what it is, version and all. It is made if it is not there.
func cached(t testing.TB, folder, name string, build func(*building) error) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	// Not bound to the test's context: what was built for one test is there for the next.
	b := &building{ctx: context.WithoutCancel(t.Context()), dir: filepath.Join(cache, "cdt-testserver", folder)}
	program := filepath.Join(b.dir, name)
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(filepath.Join(b.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
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
	if err := build(b); err != nil {
		t.Fatalf("this test needs %s, which could not be built: %v", folder, err)
	}
	if err := os.Rename(filepath.Join(b.dir, "build", name), program); err != nil { //nolint:forbidigo // a tool in a cache, not an object
		t.Fatal(err)
	}
	return program
}
