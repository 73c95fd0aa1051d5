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
	var out ssh.Tail
	cmd := ssh.Command(ctx, program, "--version")
	cmd.Stdout, cmd.Stderr = &out, &out
	err := ssh.Run(ctx, cmd)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	said := strings.TrimSpace(out.String())
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w: %s", program, err, lastLine(said))
	}
	return said, CheckVersion(program, said)
}

// CheckVersion looks whether what a program said of its version is what a bbcp says.
func CheckVersion(program, said string) error {
	if !versionNumber.MatchString(said) {
		return fmt.Errorf("ask %s for its version: it says %q, which is none of bbcp's", program, lastLine(said))
	}
	return nil
}
