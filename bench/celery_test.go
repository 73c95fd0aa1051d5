//go:build servers

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ccatobs/cdt/testserver"
)

// debianPython is where Debian's celery is; another python in PATH does not have it.
const debianPython = "/usr/bin/python3"

// celery is two workers of Celery over a Redis of their own.
type celery struct {
	b      *testing.B
	broker string
	dir    string
}

// newCelery starts what Celery needs; what is missing is installed from Debian, which is said.
func newCelery(b *testing.B) *celery {
	b.Helper()
	install(b)
	dir, err := filepath.Abs("testdata")
	if err != nil {
		b.Fatal(err)
	}
	c := &celery{b: b, broker: testserver.Redis(b).URL, dir: dir}
	for i := range workers {
		c.worker(fmt.Sprintf("w%d@bench", i+1))
	}
	if out := c.produce("noop", 2*workers); len(out) != 2 {
		b.Fatalf("the first tasks gave %v", out)
	}
	return c
}

func install(b *testing.B) {
	b.Helper()
	there := func() error {
		return exec.CommandContext(b.Context(), debianPython, "-c", "import celery, redis").Run()
	}
	_, err := exec.LookPath("redis-server")
	if errors.Join(err, there()) == nil {
		return
	}
	fmt.Println("installing from Debian: celery python3-redis redis-server")
	apt := exec.CommandContext(b.Context(), "apt-get", "install", "-q", "-y", "--no-install-recommends", "celery", "python3-redis", "redis-server")
	apt.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := apt.CombinedOutput(); err != nil {
		b.Fatalf("this benchmark needs Debian's celery, python3-redis and redis-server: %v\n%s", err, out)
	}
}

// worker starts a worker with as many processes as ours runs tasks at once.
func (c *celery) worker(name string) {
	c.b.Helper()
	cmd := c.python(context.WithoutCancel(c.b.Context()), "-m", "celery", "-A", "noop", "worker", "--hostname", name, "--concurrency", strconv.Itoa(celeryAtOnce),
		"--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		c.b.Fatal(err)
	}
	c.b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
}

func (c *celery) python(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, debianPython, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "BROKER="+c.broker, "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=ignore", "C_FORCE_ROOT=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// produce runs produce.py and returns the numbers it prints.
func (c *celery) produce(what string, n int) (out []float64) {
	c.b.Helper()
	text, err := c.python(c.b.Context(), "produce.py", what, strconv.Itoa(n)).Output()
	if err != nil {
		c.b.Fatalf("send to Celery: %v\n%s", err, text)
	}
	for _, word := range strings.Fields(string(text)) {
		x, err := strconv.ParseFloat(word, 64)
		if err != nil {
			c.b.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}
