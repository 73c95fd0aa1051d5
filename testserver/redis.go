package testserver

import (
	"context"
	"io"
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

// Flush has it forget everything; false if it does not answer.
func (r *RedisServer) Flush() bool {
	r.t.Helper()
	return r.say("FLUSHALL", "+OK")
}

// Fill has it refuse every write for want of memory, until Start.
func (r *RedisServer) Fill() {
	r.t.Helper()
	if !r.say("CONFIG SET maxmemory-policy noeviction", "+OK") || !r.say("CONFIG SET maxmemory 1", "+OK") {
		r.t.Fatal("Redis does not take a limit of its memory")
	}
}

// say gives a command and reports whether the answer begins as it should.
func (r *RedisServer) say(command, want string) bool {
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(context.WithoutCancel(r.t.Context()), "tcp", r.Addr)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	answer := make([]byte, len(want))
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return false
	}
	if _, err := io.WriteString(c, command+"\r\n"); err != nil {
		return false
	}
	_, err = io.ReadFull(c, answer)
	return err == nil && string(answer) == want
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
