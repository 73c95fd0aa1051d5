package main

import (
	"context"
	"errors"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/transport/ssh"
)

// allowed is what a key may do; nothing said: everything its user may.
type allowed struct{ roots, programs []string }

func (may allowed) root(root string) bool {
	return len(may.roots) == 0 || path.Clean(root) == root && slices.ContainsFunc(may.roots, func(r string) bool { return path.Clean(r) == root })
}

// program reports whether a program may be run. With roots, none but rsync is unless it is named: a path that
// the worker chose could be that of a part it has just written.
func (may allowed) program(program string) bool {
	if len(may.programs) == 0 {
		return len(may.roots) == 0 || program == "rsync"
	}
	return slices.Contains(may.programs, program)
}

func (a *app) agentForcedCommand() *cobra.Command {
	var may allowed
	c := &cobra.Command{
		Use: "forced", Short: "Do what a worker asks over ssh, within limits: for authorized_keys", Args: cobra.NoArgs,
		Long: `Is the forced command of a key in authorized_keys: it reads what the worker wanted to run from SSH_ORIGINAL_COMMAND and does it if
it is the agent, or a program of a transport; anything else is refused. rsync may write parts below the roots only; another program that
is named may do what it does.`,
		Example: `  restrict,command="dtctl agent forced --root /data/buffer --program rsync" ssh-ed25519 AAAA… cdt@ccat`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.forced(c.Context(), may, os.Getenv("SSH_ORIGINAL_COMMAND"))
		},
	}
	c.Flags().StringSliceVar(&may.roots, "root", nil, "roots of locations that may be reached (default: any)")
	c.Flags().StringSliceVar(&may.programs, "program", nil, "programs that may be run for attempts (default: any; with --root, rsync)")
	return c
}

var errForbidden = errors.New("this key may run the agent only")

// forced carries out the command that came over ssh.
func (a *app) forced(ctx context.Context, may allowed, command string) error {
	words, ok := plainWords(command)
	if !ok || len(words) < 2 || words[1] != "agent" {
		return errForbidden
	}
	switch rest := words[2:]; {
	case len(rest) == 0:
		return a.agent(ctx, may)
	case len(rest) == 2 && rest[0] == "kill":
		return ssh.EndAttempt(ctx, rest[1])
	case len(rest) > 3 && rest[0] == "exec" && rest[2] == "--" && may.program(rest[3]) && may.remoteHalf(rest[3:]):
		return a.agentExec(ctx, strings.Split(rest[1], ","), rest[3], rest[4:])
	}
	return errForbidden
}

// remoteHalf reports whether words are the receiving half of a transport that
// keeps to parts below the roots.
func (may allowed) remoteHalf(words []string) bool {
	if len(may.roots) == 0 {
		return true
	}
	if path.Base(words[0]) == "rsync" {
		return may.receivesParts(words[1:])
	}
	return len(may.programs) > 0 // what else was named is trusted
}

// What rsync's receiving half may be told; anything else could name another folder, a file of its own, or say that
// more words follow where nobody sees them (-s). The short options end with what both halves can do.
var (
	rsyncShort = regexp.MustCompile(`^-[dWv]*e[0-9]*\.[0-9]*[A-Za-z]*$`)
	rsyncLong  = regexp.MustCompile(`^--(append|inplace|whole-file|log-format=(%[io]|X)|timeout=[0-9]+|bwlimit=[0-9.]+[KMG]?|info=[A-Za-z0-9,]+)$`)
)

// receivesParts reports whether args are those of an rsync that writes files into the parts of a root: options, a dot, and
// that one folder. rsync takes the word after the dot for its destination, whatever follows it.
func (may allowed) receivesParts(args []string) bool {
	n := len(args)
	if n < 3 || args[0] != "--server" || args[n-2] != "." {
		return false
	}
	for _, option := range args[1 : n-2] {
		if !rsyncShort.MatchString(option) && !rsyncLong.MatchString(option) {
			return false
		}
	}
	parts := strings.TrimSuffix(args[n-1], "/")
	return path.Clean(parts) == parts && path.Base(parts) == opsdb.PartDir && may.root(path.Dir(parts))
}

// plainWords are the words of a command that no shell would read otherwise.
func plainWords(command string) ([]string, bool) {
	if strings.ContainsAny(command, "\\'\"`$;&|<>(){}*?[]#~!\n\t") {
		return nil, false
	}
	return strings.Fields(command), true
}
