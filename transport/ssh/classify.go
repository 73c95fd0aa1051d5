package ssh

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// Exit codes of ssh and of the shell at the other end.
const (
	exitSSH         = 255 // ssh itself failed, or the connection was lost
	exitNotFound    = 127
	exitNotRunnable = 126
)

// complaint is what one text of ssh means.
type complaint struct {
	text   string // part of a line, in small letters
	class  opsdb.FailureClass
	reason string
	hint   string
}

// Reasons of failures about links.
const (
	HostKey     = "host_key"      // the host's key is not the known one
	Login       = "login_refused" // the host does not let us in
	Unreachable = "unreachable"   // nobody answers there
	Lost        = "lost"          // the connection broke
	NoProgram   = "no_program"    // a program is missing at one end
)

// complaints in the order in which they are looked for: the cause before what follows from it.
func complaints() []complaint {
	const (
		key   = "compare the host's key with the one its administrator names, then put it into the known_hosts file of the link"
		login = "put the link's public key into authorized_keys of the link's user at that host, and let only the worker's user read the private key (chmod 600)"
		far   = "look whether the host is up, its name is right and its firewall lets the port through"
		again = "it is tried again by itself"
	)
	return []complaint{
		{"remote host identification has changed", opsdb.Environment, HostKey, key},
		{"host key verification failed", opsdb.Environment, HostKey, key},
		{"host key is known for", opsdb.Environment, HostKey, key},
		{"no matching host key", opsdb.Environment, HostKey, key},
		{"bad owner or permissions on", opsdb.BadConfig, "", "correct the owner and mode of that file"},
		{"bad configuration option", opsdb.BadConfig, "", "correct the ssh configuration of the worker's user"},
		{"unprotected private key file", opsdb.Environment, Login, login},
		{"permission denied (", opsdb.Environment, Login, login},
		{"too many authentication failures", opsdb.Environment, Login, login},
		{"no more authentication methods", opsdb.Environment, Login, login},
		{"account is not available", opsdb.Environment, Login, "give the link's user a login shell at that host"},
		{"could not resolve hostname", opsdb.Environment, Unreachable, far},
		{"name or service not known", opsdb.Environment, Unreachable, far},
		{"connection refused", opsdb.Environment, Unreachable, "look whether sshd runs at that host and the port is right"},
		{"no route to host", opsdb.Environment, Unreachable, far},
		{"network is unreachable", opsdb.Environment, Unreachable, far},
		{"connection timed out", opsdb.Environment, Unreachable, far},
		{"operation timed out", opsdb.Environment, Unreachable, far},
		{"not responding", opsdb.Environment, Lost, again},
		{"kex_exchange_identification", opsdb.Environment, Unreachable, "look whether sshd takes more connections (MaxStartups) and lets this host in"},
		{"connection closed by", opsdb.Environment, Lost, again},
		{"connection reset by", opsdb.Environment, Lost, again},
		{"connection to ", opsdb.Environment, Lost, again},
		{"client_loop: send disconnect", opsdb.Environment, Lost, again},
		{"broken pipe", opsdb.Environment, Lost, again},
	}
}

// Classify turns the end of a call over ssh into a failure of the link
// ("ccat>cologne"). stderr is what was said, exit the exit code (-1: none), err
// that of starting or waiting. What it does not know is a failure of the link too, with what was said last.
func Classify(link, stderr string, exit int, err error) opsdb.Failure {
	f := opsdb.Failure{Class: opsdb.Environment, Subject: "link:" + link, Reason: Lost}
	config := func(reason, text string) opsdb.Failure {
		return opsdb.Failure{Class: opsdb.BadConfig, Reason: reason, Text: text}
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return config(NoProgram, fmt.Sprintf("%v: install it here, or name its path in the settings of the link %s", err, link))
	}
	if exit == exitNotFound || exit == exitNotRunnable {
		return config(NoProgram, fmt.Sprintf("link %s: %s: install the program at the other end, or name its path there in the settings of the link", link, lastLine(stderr, "a program is missing at the other end")))
	}
	for _, c := range complaints() {
		line, ok := lineWith(stderr, c.text)
		if !ok {
			continue
		}
		if c.class == opsdb.BadConfig {
			return config(c.reason, fmt.Sprintf("link %s: %s: %s", link, line, c.hint))
		}
		f.Reason, f.Text = c.reason, fmt.Sprintf("link %s: %s: %s", link, line, c.hint)
		return f
	}
	f.Text = fmt.Sprintf("link %s: %s", link, lastLine(stderr, fmt.Sprintf("ended without a word (%v)", err)))
	return f
}

// Known reports whether Classify knows what was said or the exit code as ssh's own trouble, not that of a program run over it.
func Known(stderr string, exit int) bool {
	if exit == exitSSH || exit == exitNotFound || exit == exitNotRunnable {
		return true
	}
	for _, c := range complaints() {
		if _, ok := lineWith(stderr, c.text); ok && c.text != "broken pipe" {
			return true
		}
	}
	return false
}

// ExitCode is the exit code an error of Wait carries; -1 if it has none.
func ExitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

func lineWith(text, part string) (string, bool) {
	for line := range strings.Lines(text) {
		if strings.Contains(strings.ToLower(line), part) {
			return strings.Trim(line, "\r\n @"), true
		}
	}
	return "", false
}

// lastLine is the last line that says something.
func lastLine(text, otherwise string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return otherwise
}
