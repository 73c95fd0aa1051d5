package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// served is a `dtctl serve` in a process of its own.
type served struct {
	t    *testing.T
	cmd  *exec.Cmd
	file string
	done chan struct{} // closed when the process has ended
	err  error         // how it ended; after done
}

// serve starts a server on the yard; it dies with the test.
func (y *yard) serve(args ...string) *served {
	y.t.Helper()
	f, err := os.CreateTemp(y.root, "log-")
	if err != nil {
		y.t.Fatal(err)
	}
	args = append([]string{"serve", "--db", y.db(), "--routes", y.routes(), "--init-locations", "--scan", "1s"}, args...)
	s := &served{t: y.t, file: f.Name(), done: make(chan struct{}), cmd: exec.Command("dtctl", args...)} //nolint:noctx // ended by signals, which is what is tested
	s.cmd.Stderr, s.cmd.Stdout = f, f
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		y.t.Fatal(err)
	}
	go func() {
		s.err = s.cmd.Wait()
		_ = f.Close()
		close(s.done)
	}()
	y.t.Cleanup(func() { _ = s.cmd.Process.Kill(); <-s.done })
	return s
}

// killAfter kills the server after d; that it ends before is a failure.
func (s *served) killAfter(d time.Duration) {
	s.t.Helper()
	at := time.NewTimer(d)
	defer at.Stop()
	select {
	case <-s.done:
		s.t.Fatalf("serve ended by itself: %v\n%s", s.err, s.log())
	case <-at.C:
	}
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatalf("kill: %v\n%s", err, s.log())
	}
	<-s.done
}

// stop stops the server gracefully: it must end with exit code 0.
func (s *served) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("stop: %v\n%s", err, s.log())
	}
	limit := time.NewTimer(3 * time.Minute)
	defer limit.Stop()
	select {
	case <-s.done:
	case <-limit.C:
		s.t.Fatalf("serve does not stop\n%s", s.log())
	}
	if s.err != nil {
		s.t.Fatalf("serve stopped with %v\n%s", s.err, s.log())
	}
}

// waitFor waits until the log has a line with text.
func (s *served) waitFor(text string) {
	s.t.Helper()
	limit := time.NewTimer(3 * time.Minute)
	defer limit.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !bytes.Contains([]byte(s.log()), []byte(text)) {
		select {
		case <-look.C:
		case <-s.done:
			s.t.Fatalf("serve ended before it said %q: %v\n%s", text, s.err, s.log())
		case <-limit.C:
			s.t.Fatalf("serve never said %q\n%s", text, s.log())
		}
	}
}

// log is what the server has said so far.
func (s *served) log() string {
	b, err := os.ReadFile(filepath.Clean(s.file))
	if err != nil {
		s.t.Error(err)
	}
	return string(b)
}
