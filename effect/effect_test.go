package effect

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// child is set in the environment of a re-executed test.
const child = "CDT_TEST_EFFECT_CHILD"

// TestChild passes five points, writing each effect to its output.
func TestChild(t *testing.T) {
	if os.Getenv(child) == "" {
		return // TestKilledAtEveryPoint runs it
	}
	p, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	ctx := With(t.Context(), p)
	for _, name := range []string{"one", "two", "three", "four", "five"} {
		Point(ctx, "test."+name+".before")
		_, _ = os.Stdout.WriteString("did " + name + "\n")
	}
}

func run(t *testing.T, kill int) (did []string, log string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), child+"=1", Log+"="+path)
	if kill > 0 {
		cmd.Env = append(cmd.Env, Kill+"="+strconv.Itoa(kill))
	}
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "did "); ok {
			did = append(did, strings.TrimSpace(name))
		}
	}
	text, readErr := os.ReadFile(path)
	if readErr != nil {
		t.Fatal(readErr)
	}
	return did, string(text), err
}

func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	names := []string{"one", "two", "three", "four", "five"}
	for n := 1; n <= len(names); n++ {
		did, log, err := run(t, n)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("killed at %d: ended with %v", n, err)
		}
		if !slices.Equal(did, names[:n-1]) {
			t.Errorf("killed at %d: did %q", n, did)
		}
		if got := strings.Count(log, "\n"); got != n || !strings.HasSuffix(log, "test."+names[n-1]+".before\n") {
			t.Errorf("killed at %d: log %q", n, log)
		}
	}
	for _, n := range []int{0, len(names) + 1} {
		if did, _, err := run(t, n); err != nil || !slices.Equal(did, names) {
			t.Errorf("with no kill, or one too late: did %q, %v", did, err)
		}
	}
}

func TestNothingAskedFor(t *testing.T) {
	t.Setenv(Kill, "")
	t.Setenv(Log, "")
	p, err := FromEnvironment()
	if p != nil || err != nil {
		t.Fatalf("got %v, %v", p, err)
	}
	ctx := t.Context()
	if With(ctx, nil) != ctx {
		t.Error("no points change the context")
	}
	Point(ctx, "test.nothing.before")
}

func TestBadEnvironment(t *testing.T) {
	t.Setenv(Kill, "soon")
	if _, err := FromEnvironment(); err == nil {
		t.Error("a number that is none is taken")
	}
	t.Setenv(Kill, "")
	t.Setenv(Log, filepath.Join(t.TempDir(), "no", "folder"))
	if _, err := FromEnvironment(); err == nil {
		t.Error("a log that cannot be written is taken")
	}
}

func TestHookAndCount(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	p := &Points{Hook: func(name string) { mu.Lock(); seen = append(seen, name); mu.Unlock() }}
	ctx, cancel := context.WithCancel(With(t.Context(), p))
	cancel() // an effect is an effect, cancelled or not
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { Point(ctx, "test.many.after") })
	}
	wg.Wait()
	if p.Passed() != 10 || len(seen) != 10 {
		t.Errorf("passed %d, seen %d", p.Passed(), len(seen))
	}
}
