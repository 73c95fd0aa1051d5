package testserver

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a Redis of a test's own. It keeps nothing on disk.
type RedisServer struct {
	URL  string // redis://127.0.0.1:PORT/0
	Addr string // 127.0.0.1:PORT

	t   testing.TB
	dir string
	cmd *exec.Cmd
}

// Redis starts an empty Redis on a port of its own. It is gone with the test.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(Port(t)))
	r := &RedisServer{URL: "redis://" + addr + "/0", Addr: addr, t: t, dir: folder(t, nil)}
	r.start()
	return r
}

func (r *RedisServer) start() {
	r.t.Helper()
	program := Need(r.t, "redis-server", "redis-server")
	_, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		r.t.Fatal(err)
	}
	// Not bound to the test's context: that ends before the clean-up that stops it.
	r.cmd = exec.CommandContext(context.WithoutCancel(r.t.Context()), program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.dir)
	r.cmd.Dir = r.dir
	(&server{name: "Redis", cmd: r.cmd, ready: "Ready to accept connections", signal: syscall.SIGTERM}).start(r.t)
}

// Freeze stops the process where it is: connections stay, nothing answers.
func (r *RedisServer) Freeze() {
	r.t.Helper()
	r.signal(syscall.SIGSTOP)
	frozen := r.cmd.Process
	r.t.Cleanup(func() { _ = frozen.Signal(syscall.SIGCONT) }) // or it could not be stopped
}

// Thaw lets it go on.
func (r *RedisServer) Thaw() {
	r.t.Helper()
	r.signal(syscall.SIGCONT)
}

// Kill ends it; its port refuses connections afterwards.
func (r *RedisServer) Kill() {
	r.t.Helper()
	r.signal(syscall.SIGKILL)
	limit := time.After(patience)
	for {
		var d net.Dialer
		c, err := d.DialContext(r.t.Context(), "tcp", r.Addr)
		if err != nil {
			return
		}
		_ = c.Close()
		select {
		case <-limit:
			r.t.Fatalf("Redis still takes connections %s after it was killed", patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Start starts it again after Kill, empty, on the same port.
func (r *RedisServer) Start() {
	r.t.Helper()
	r.start()
}

func (r *RedisServer) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("send %s to Redis: %v", s, err)
	}
}
