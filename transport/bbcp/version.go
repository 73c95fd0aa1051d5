package bbcp

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/ccatobs/cdt/transport/ssh"
)

// versionNumber is what bbcp prints for -#: numbers and points, and sometimes a word.
var versionNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)+[-.A-Za-z0-9]*$`)

// Version asks a bbcp of this machine for its version.
func Version(ctx context.Context, program string) (string, error) {
	return versionBy(ctx, program, func(out *ssh.Tail) error {
		cmd := ssh.Command(ctx, program, "-#")
		cmd.Stdout, cmd.Stderr = out, out
		return ssh.Run(ctx, cmd)
	})
}

// RemoteVersion asks the bbcp at the other end of a link for its version, through the agent there.
func RemoteVersion(ctx context.Context, opts Options) (string, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return "", err
	}
	return versionBy(ctx, opts.RemoteProgram, func(out *ssh.Tail) error {
		cmd := opts.Host.Command(ctx, opts.Agent, "agent", "exec", "doctor", "--", opts.RemoteProgram, "--version")
		cmd.Stdout, cmd.Stderr = out, out
		return ssh.Run(ctx, cmd)
	})
}

func versionBy(ctx context.Context, program string, run func(out *ssh.Tail) error) (string, error) {
	var out ssh.Tail
	err := run(&out)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	said := strings.TrimSpace(out.String())
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w: %s", program, err, lastLine(said))
	}
	if !versionNumber.MatchString(said) {
		return "", fmt.Errorf("ask %s for its version: it says %q, which is none of bbcp", program, lastLine(said))
	}
	return said, nil
}
