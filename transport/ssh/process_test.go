package ssh

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startFamily runs a shell whose child does not end when asked; it returns the child's id.
func startFamily(ctx context.Context, t *testing.T, script string) (*Process, int) {
	t.Helper()
	cmd := Command(ctx, "/bin/sh", "-c", script)
	out, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = write
	p, err := Start(cmd)
	if err := errors.Join(err, write.Close()); err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return p, child
}

// alive reports whether a process runs: a zombie does not.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

// TestCancelEndsTheGroup: children that do not listen are gone when Wait returns.
func TestCancelEndsTheGroup(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	p, child := startFamily(ctx, t, `trap '' TERM; sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & wait`)
	cancel()
	if err := p.Wait(); err == nil {
		t.Error("ended well")
	}
	if alive(child) {
		t.Errorf("child %d goes on", child)
	}
}

// TestOrphansEndWithTheirParent: what a program left behind does not outlive it.
func TestOrphansEndWithTheirParent(t *testing.T) {
	t.Parallel()
	p, child := startFamily(t.Context(), t, `sleep 600 & echo $!; exit 7`)
	if err := p.Wait(); ExitCode(err) != 7 {
		t.Errorf("ended with %v", err)
	}
	if alive(child) {
		t.Errorf("child %d goes on", child)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	if err := Run(t.Context(), Command(t.Context(), "/bin/sh", "-c", "exit 3")); ExitCode(err) != 3 {
		t.Errorf("exit 3 is %v", err)
	}
	if err := Run(t.Context(), Command(t.Context(), "/none/such")); !errors.Is(err, os.ErrNotExist) || ExitCode(err) != -1 {
		t.Errorf("a missing program is %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Run(ctx, Command(ctx, "sleep", "600")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a cancelled run is %v", err)
	}
	p, err := Start(Command(t.Context(), "/bin/sh", "-c", "kill -9 $$"))
	if err != nil {
		t.Fatal(err)
	}
	<-p.Ended()
	if err := p.Wait(); ExitCode(err) != -1 || err == nil {
		t.Errorf("killed by %s is %v", syscall.SIGKILL, err)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	var tail Tail
	for range 3000 {
		_, _ = io.WriteString(&tail, "babble babble babble\n")
	}
	_, _ = io.WriteString(&tail, "the end")
	if s := tail.String(); len(s) > mostTail || !strings.HasSuffix(s, "babble\nthe end") {
		t.Errorf("kept %d bytes", len(s))
	}
}

// TestEndAttemptEndsWhoWritesItsPart: a program of another attempt that has this one's part open is ended with it;
// one that carries no attempt, as who reads the part, is left alone.
func TestEndAttemptEndsWhoWritesItsPart(t *testing.T) {
	t.Parallel()
	part := t.TempDir() + "/0198-held.e.1"
	start := func(environment ...string) *Process {
		cmd := Command(t.Context(), "/bin/sh", "-c", "exec 3>>"+part+"; echo open; exec sleep 60")
		cmd.Env = append(os.Environ(), environment...)
		out, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout = write
		p, err := Start(cmd)
		if err = errors.Join(err, write.Close()); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
			t.Fatalf("%q, %v", line, err)
		}
		return p
	}
	writer, reader := start(AttemptVariable+"=0198-standing.e.1"), start()
	if err := EndAttempt(t.Context(), "0198-held.e.2"); err != nil || !alive(writer.cmd.Process.Pid) {
		t.Errorf("another attempt ended it: %v", err)
	}
	if err := EndAttempt(t.Context(), "0198-held.e.1"); err != nil || alive(writer.cmd.Process.Pid) {
		t.Errorf("it writes on: %v", err)
	}
	if !alive(reader.cmd.Process.Pid) {
		t.Error("who carries no attempt was ended")
	}
}
