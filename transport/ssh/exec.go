package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Streams are the open files of a program at this end of an ssh connection.
type Streams struct{ In, Out, Err *os.File }

// Exec runs the remote half of a transport for some attempts, in a session of
// its own, and returns its exit code. It ends the program, and everything else that carries
// the attempts, when ctx ends or when nobody is left at the other end of Out: a
// broken connection leaves no orphan that goes on writing.
func Exec(ctx context.Context, attempts []string, s Streams, program string, args ...string) (int, error) {
	for _, a := range attempts {
		if !Attempt(a) {
			return 0, fmt.Errorf("run %s for attempt %q: that is no attempt's name", program, a)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := Command(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.In, s.Out, s.Err
	cmd.Env = append(os.Environ(), AttemptVariable+"="+strings.Join(attempts, ","))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	p, err := Start(cmd)
	if err != nil {
		return 0, err
	}
	go func() {
		if hungUp(s.Out, os.Getppid(), p.Ended()) {
			cancel()
		}
	}()
	err = p.Wait()
	left, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer stop()
	for _, a := range attempts {
		err = errors.Join(err, EndAttempt(left, a))
	}
	if ctx.Err() != nil {
		return 0, fmt.Errorf("run %s: ended because the other end went away: %w", program, ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// hungUp waits until nobody reads out any more, or our parent is another: sshd
// has ended. false: ended was closed before.
func hungUp(out *os.File, parent int, ended <-chan struct{}) bool {
	const every = 200 // milliseconds
	for {
		select {
		case <-ended:
			return false
		default:
		}
		fds := []unix.PollFd{{Fd: int32(out.Fd())}} // no events: errors and hang-ups are always told
		n, err := unix.Poll(fds, every)
		if err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 || os.Getppid() != parent {
			return true
		}
	}
}
