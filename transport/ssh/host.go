// Package ssh is how a worker reaches the machine at the other end of a link:
// the words of an ssh call, child processes that are ended with everything
// they started, and what ssh's complaints mean.
//
// It is no transport and moves nothing; transport/rsync, transport/bbcp and
// storage/remote are built on it. It runs the ssh program of the system, so that
// keys, known hosts and jump hosts are set up the way administrators know. It imports opsdb (nouns).
package ssh

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"
)

// Host is one way to a machine at the other end of a link. Zero fields take
// ssh's own default unless said.
type Host struct {
	Name       string // host name or address
	Port       int
	User       string
	Key        string        // file of the private key; no other key is tried then
	KnownHosts string        // file; host keys are always checked
	Program    string        // "ssh"
	Connect    time.Duration // how long a connection may take to come about; 15 s
	// Share is the socket of a connection that others may go through as well, or go through; "": a connection of its own.
	// A socket that nobody listens at any more means one's own connection.
	Share string
	// Shares says that this connection is the one others go through: it makes the socket, which must not be there.
	Shares bool
}

// longestSocket is what the kernel takes for a socket's path, less what ssh adds while it makes it.
const longestSocket = 107 - 18

// MayShare reports whether a path can be that of a shared connection's socket.
func MayShare(path string) bool { return File(path) && len(path) <= longestSocket }

// What may stand in the words of a host: nothing that ssh, rsync or a shell reads as more than itself (S11).
var (
	word = regexp.MustCompile(`^[A-Za-z0-9._:][A-Za-z0-9._:-]*$`)
	file = regexp.MustCompile(`^/[A-Za-z0-9._/+@,=~-]*$`)
	// said is a word of a command at the other end; its shell sees it.
	said = regexp.MustCompile(`^[A-Za-z0-9._:/+@,=%-]+$`)
)

// Word reports whether s may be the name of a host or user.
func Word(s string) bool { return word.MatchString(s) }

// File reports whether s may be an absolute path in a call.
func File(s string) bool { return file.MatchString(s) }

// ProgramWord reports whether s may name a program: a plain name, looked for in PATH, or an absolute path.
func ProgramWord(s string) bool { return File(s) || Word(s) && filepath.Base(s) == s }

// Check refuses words that could be an option, or more than one word to a shell.
func (h Host) Check() error {
	for _, c := range []struct {
		name, value string
		good        func(string) bool
		want        string
	}{
		{"host", h.Name, Word, "letters, digits and . _ : -, not - first"},
		{"user", h.User, Word, "letters, digits and . _ : -, not - first"},
		{"shared socket", h.Share, MayShare, "a short absolute path of letters, digits and . _ / + @ , = ~ -"},
		{"key", h.Key, File, "an absolute path of letters, digits and . _ / + @ , = ~ -"},
		{"known_hosts", h.KnownHosts, File, "an absolute path of letters, digits and . _ / + @ , = ~ -"},
		{"ssh", h.Program, ProgramWord, "a program's name or absolute path"},
	} {
		if c.value != "" && !c.good(c.value) {
			return fmt.Errorf("%s %q may not stand in a command: %s", c.name, c.value, c.want)
		}
	}
	if h.Name == "" {
		return fmt.Errorf("a host at the other end must be given")
	}
	if h.Port < 0 || h.Port > 65535 {
		return fmt.Errorf("port %d is not between 1 and 65535", h.Port)
	}
	return nil
}

// Options are ssh's options: never a question, always a known host key, a
// connection that is found dead after a minute and a half (a cut of a minute is outlived, as a call that moves nothing for as long is ended anyway),
// nothing forwarded, and nothing shared but by [Host.Share].
func (h Host) Options() []string {
	connect := h.Connect
	if connect <= 0 {
		connect = 15 * time.Second
	}
	out := []string{
		"-T", "-x", "-a",
		"-oBatchMode=yes", "-oStrictHostKeyChecking=yes", "-oUpdateHostKeys=no",
		"-oServerAliveInterval=15", "-oServerAliveCountMax=6", "-oTCPKeepAlive=yes",
		"-oConnectTimeout=" + strconv.Itoa(int(max(connect/time.Second, 1))),
		"-oClearAllForwardings=yes", "-oPermitLocalCommand=no",
		"-oControlMaster=" + yesNo(h.Share != "" && h.Shares), "-oControlPath=" + cmp.Or(h.Share, "none"), "-oControlPersist=no",
	}
	if h.KnownHosts != "" {
		out = append(out, "-oUserKnownHostsFile="+h.KnownHosts, "-oGlobalKnownHostsFile=/dev/null")
	}
	if h.Key != "" {
		out = append(out, "-oIdentitiesOnly=yes", "-i", h.Key)
	}
	if h.Port > 0 {
		out = append(out, "-p", strconv.Itoa(h.Port))
	}
	return out
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// Words are the program and its options, without the destination: what rsync
// takes as -e and bbcp as -S and -T.
func (h Host) Words() []string { return append([]string{h.program()}, h.Options()...) }

func (h Host) program() string {
	if h.Program == "" {
		return "ssh"
	}
	return h.Program
}

// Destination is "user@host" or "host".
func (h Host) Destination() string {
	if h.User == "" {
		return h.Name
	}
	return h.User + "@" + h.Name
}

// Command is a call of a program at the other end; it is run by [Start] or
// [Run]. Words that are not plain, and hosts that do not pass [Host.Check], make it fail at its start.
func (h Host) Command(ctx context.Context, remote ...string) *exec.Cmd {
	args := append(h.Options(), "--", h.Destination())
	cmd := Command(ctx, h.program(), append(args, remote...)...)
	if err := h.Check(); err != nil {
		cmd.Err = err
	}
	for i, w := range remote {
		if !said.MatchString(w) || i == 0 && w[0] == '-' {
			cmd.Err = fmt.Errorf("run at %s: the word %q may not stand in a command", h.Name, w)
		}
	}
	return cmd
}

// Command is a program of this machine in a process group of its own, whose
// cancel asks the whole group to end. It is run by [Start] or [Run].
func Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	return cmd
}
