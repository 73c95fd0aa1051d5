package ssh

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// TestClassify: what ssh says, as it says it.
func TestClassify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stderr string
		exit   int
		err    error
		class  opsdb.FailureClass
		reason string
	}{
		"login":         {"cdt@far: Permission denied (publickey).\n", 255, nil, opsdb.Environment, Login},
		"key too open":  {"@@@@\n@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @\nLoad key \"/k\": bad permissions\ncdt@far: Permission denied (publickey).\n", 255, nil, opsdb.Environment, Login},
		"host key":      {"No ED25519 host key is known for [far]:22 and you have requested strict checking.\nHost key verification failed.\n", 255, nil, opsdb.Environment, HostKey},
		"other key":     {"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.\n", 255, nil, opsdb.Environment, HostKey},
		"refused":       {"ssh: connect to host far port 22: Connection refused\r\nrsync: connection unexpectedly closed (0 bytes received so far) [sender]\n", 255, nil, opsdb.Environment, Unreachable},
		"no route":      {"ssh: connect to host far port 22: No route to host\n", 255, nil, opsdb.Environment, Unreachable},
		"timed out":     {"ssh: connect to host far port 22: Connection timed out\n", 255, nil, opsdb.Environment, Unreachable},
		"no name":       {"ssh: Could not resolve hostname far: Name or service not known\n", 255, nil, opsdb.Environment, Unreachable},
		"cut":           {"Connection to far closed by remote host.\n", 255, nil, opsdb.Environment, Lost},
		"dead":          {"Timeout, server far not responding.\n", 255, nil, opsdb.Environment, Lost},
		"unknown":       {"something new\n", 255, nil, opsdb.Environment, Lost},
		"silent":        {"", 255, nil, opsdb.Environment, Lost},
		"no program":    {"bash: line 1: dtctl: command not found\n", 127, nil, opsdb.BadConfig, NoProgram},
		"not runnable":  {"bash: line 1: /x: Permission denied\n", 126, nil, opsdb.BadConfig, NoProgram},
		"no ssh here":   {"", -1, &exec.Error{Name: "ssh", Err: exec.ErrNotFound}, opsdb.BadConfig, NoProgram},
		"configuration": {"/etc/ssh/ssh_config: line 1: Bad configuration option: x\n", 255, nil, opsdb.BadConfig, ""},
	} {
		f := Classify("ccat>cologne", c.stderr, c.exit, c.err)
		if f.Class != c.class || f.Reason != c.reason {
			t.Errorf("%s: classified %+v", name, f)
		}
		if (f.Class == opsdb.Environment) != (f.Subject == "link:ccat>cologne") || !strings.Contains(f.Text, "ccat>cologne") {
			t.Errorf("%s: about %q, says %q", name, f.Subject, f.Text)
		}
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	if !Known("", 255) || !Known("x: Connection refused", 12) || Known("rsync: write failed: No space left on device (28)", 11) {
		t.Error("ssh's own trouble is not told from another program's")
	}
	if ExitCode(nil) != 0 || ExitCode(errors.New("x")) != -1 {
		t.Error("exit codes of no exit")
	}
}
