package ssh

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	grace = 2 * time.Second       // between asking a group to end and ending it
	look  = 10 * time.Millisecond // between two looks at a group that was killed
)

// Process is a running command with everything it started in its process
// group. If this process dies, however it does, the command is killed.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error
}

// Start starts a command made by [Command]. A cancel of the command's context
// asks its group to end (SIGTERM) and soon after kills it.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// Pdeathsig looks at the thread that forked: it must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = p.wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// wait ends the group while its leader is still unreaped, so that the group's
// number cannot have become another's.
func (p *Process) wait() error {
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	endGroup(p.cmd.Process.Pid)
	return p.cmd.Wait()
}

// Wait waits until the command has ended, and nothing of its group is left.
// It may be called by many, and again.
func (p *Process) Wait() error {
	<-p.ended
	return p.err
}

// Ended is closed when Wait would return at once.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Run starts a command and waits for it. After a cancel the error is the context's.
func Run(ctx context.Context, cmd *exec.Cmd) error {
	p, err := Start(cmd)
	if err == nil {
		err = p.Wait()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// endGroup kills a process group and waits until none of it runs.
func endGroup(group int) {
	for running(group) {
		if err := syscall.Kill(-group, syscall.SIGKILL); err != nil {
			return
		}
		time.Sleep(look)
	}
}

// running reports whether a group has a process that is no zombie: those do
// nothing, and go when their parent looks.
func running(group int) bool {
	if syscall.Kill(-group, 0) != nil {
		return false
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid pgrp …; the name may have anything in it.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) > 2 && string(fields[2]) == strconv.Itoa(group) && fields[0][0] != 'Z' && fields[0][0] != 'X' {
			return true
		}
	}
	return false
}
