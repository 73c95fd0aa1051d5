// Package machine makes a machine out of this one: a process tree, a network,
// a host name and a view of the disks of its own, by Linux namespaces. Several
// of them stand for sites that share nothing.
//
// It is for examples, tests and benchmarks, needs root and imports nothing of ours.
package machine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Disks is where every machine sees its own disk: a folder each Debian has.
const Disks = "/srv"

// Machine is a machine of its own. What runs on it ends with it, and it ends
// with the process that made it, however that ends.
type Machine struct {
	Name string

	first *exec.Cmd // its process 1
	pidfd int
	ended chan struct{}
}

// Options say what a machine is like.
type Options struct {
	Name string
	Disk string // the folder it sees as Disks; "": that of the host
	// Hosts is the file it sees as /etc/hosts; "": that of the host. bbcp crashes where it cannot find its own host's name.
	Hosts string
	Hide  []string // folders of the host it finds empty: the disks of the others
}

// first is process 1 of a machine: it makes its view of the disks, then only
// waits, which also buries orphans.
const first = `set -e
mount --make-rprivate /
mount -t proc proc /proc
disk=$1; hosts=$2; shift 2
[ -z "$hosts" ] || mount --bind "$hosts" /etc/hosts
[ -z "$disk" ] || mount --bind "$disk" ` + Disks + `
for folder in "$@"; do mount -t tmpfs -o size=1m,mode=755 none "$folder"; done
echo ready
exec <&- >&-
while :; do sleep 1000000000 & wait; done`

// namespaces are what a machine has of its own.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC

// New starts a machine on which nothing runs yet.
func New(o Options) (*Machine, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", first, "sh", o.Disk, o.Hosts}, o.Hide...)...) //nolint:noctx // it ends by Close
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the machine %s: %w", o.Name, err)
	}
	m := &Machine{Name: o.Name, first: cmd, pidfd: -1, ended: make(chan struct{})}
	if err := onThread(func() error { return cmd.Start() }, func() { _ = cmd.Wait(); close(m.ended) }); err != nil {
		return nil, fmt.Errorf("start the machine %s: %w%s", o.Name, err, hint(err))
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		closed := m.Close()
		<-m.ended // what it said is whole
		return nil, errors.Join(fmt.Errorf("start the machine %s: it did not get ready: %w: %s", o.Name, err, said.String()), closed)
	}
	if m.pidfd, err = unix.PidfdOpen(cmd.Process.Pid, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("start the machine %s: %w", o.Name, err), m.Close())
	}
	name := func() error { return unix.Sethostname([]byte(o.Name)) }
	if err := m.enter(unix.CLONE_NEWUTS, name, func() {}); err != nil {
		return nil, errors.Join(fmt.Errorf("name the machine %s: %w", o.Name, err), m.Close())
	}
	return m, nil
}

func hint(err error) string {
	if errors.Is(err, os.ErrPermission) {
		return " (namespaces need root; a container needs --privileged)"
	}
	return ""
}

// onThread runs start on a thread of its own that lives, by wait, as long as
// what start began: a child dies with the thread that made it (Pdeathsig), and a
// thread in other namespaces must do nothing else.
func onThread(start func() error, wait func()) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		err := start()
		started <- err
		if err == nil {
			wait()
		}
	}()
	return <-started
}

// enter runs start on a thread that is in some namespaces of the machine.
func (m *Machine) enter(which int, start func() error, wait func()) error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("enter the machine %s: %w", m.Name, err)
		}
		if err := unix.Setns(m.pidfd, which); err != nil {
			return fmt.Errorf("enter the machine %s: %w", m.Name, err)
		}
		return start()
	}, wait)
}

// InNetwork runs do on a thread in the machine's network: what it opens belongs to that.
func (m *Machine) InNetwork(do func() error) error {
	return m.enter(unix.CLONE_NEWNET, do, func() {})
}

// Start starts a command on the machine, in a process group of its own. It is
// the caller's child as any other: signals reach it, and done is closed once it
// has ended and cmd.ProcessState is set.
func (m *Machine) Start(cmd *exec.Cmd) (done <-chan struct{}, err error) {
	ended := make(chan struct{})
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := m.enter(namespaces, cmd.Start, func() { _ = cmd.Wait(); close(ended) }); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", cmd.Path, m.Name, err)
	}
	return ended, nil
}

// Run runs a command on the machine to its end and returns what it said.
func (m *Machine) Run(cmd *exec.Cmd) (string, error) {
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	done, err := m.Start(cmd)
	if err != nil {
		return "", err
	}
	<-done
	if !cmd.ProcessState.Success() {
		return said.String(), fmt.Errorf("%s on %s: %s: %s", strings.Join(cmd.Args, " "), m.Name, cmd.ProcessState, said.String())
	}
	return said.String(), nil
}

// Set writes a setting of the machine's kernel ("net.ipv4.tcp_rmem").
func (m *Machine) Set(name, value string) error {
	path := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
	return m.InNetwork(func() error {
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("set %s on %s: %w", name, m.Name, err)
		}
		return nil
	})
}

// Close ends all that runs on the machine, and it. It may be called twice.
func (m *Machine) Close() error {
	_ = m.first.Process.Kill()
	<-m.ended
	if m.pidfd < 0 {
		return nil
	}
	fd := m.pidfd
	m.pidfd = -1
	return unix.Close(fd)
}
