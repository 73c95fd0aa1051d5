package rsync

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport/ssh"
)

// why finds out from what rsync said what kept an item from arriving.
func (s *sending) why(ctx context.Context, it *item, size int64, said string, err error) error {
	if line, kind := aboutStorage(said); kind != nil {
		bad := fmt.Errorf("%w: rsync says %q", kind, line)
		if atSource(line) {
			return s.sourceFailed(ctx, it, bad)
		}
		return s.targetFailed(ctx, it, bad)
	}
	exit := ssh.ExitCode(err)
	if line, ok := missingThere(said); ok && err != nil {
		f := ssh.Classify(s.Link, line, notFound, err)
		return failed(ctx, f, errors.New(f.Text))
	}
	switch {
	case err == nil:
		err := fmt.Errorf("rsync says all is well, but %d of %d bytes are at %s", size, it.Size, it.Target.Location())
		return failed(ctx, opsdb.Failure{Class: opsdb.Transient}, err)
	case strings.Contains(said, "is your shell clean"):
		return badConfig("link %s: the login shell of the user at %s says something of its own before the agent: make it quiet for commands", s.Link, s.Host.Name)
	case strings.Contains(said, "this key may run the agent only"):
		return badConfig("link %s: the forced command at %s does not let rsync write into %s: give it --root and --program (docs/links.md)", s.Link, s.Host.Name, it.to)
	case exit == -1 || ssh.Known(said, exit) || strings.Contains(said, "connection unexpectedly closed") || strings.Contains(said, "timeout in data"):
		f := ssh.Classify(s.Link, said, exit, err)
		if f.Class != opsdb.Environment {
			return failed(ctx, f, errors.New(f.Text))
		}
		return failed(ctx, f, fmt.Errorf("%w: %s", storage.ErrUnreachable, f.Text))
	case exit == fileIO:
		if bad := noRoom(ctx, it, size); bad != nil {
			return s.targetFailed(ctx, it, bad)
		}
	}
	return failed(ctx, opsdb.Failure{Class: opsdb.Transient}, fmt.Errorf("rsync from %s to %s: %w: %s", it.Source.Location(), it.Target.Location(), err, lastError(said)))
}

// fileIO is rsync's exit code of a file that could not be written or read. A receiver that ends
// with it may not get to say why: its words go through the connection that ends with it.
const fileIO = 11

// noRoom asks the storage what keeps it from taking the rest of an item.
func noRoom(ctx context.Context, it *item, size int64) error {
	looking, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	h, err := it.Target.Check(looking)
	if rest := it.Size - size; err == nil && h.Free >= 0 && h.Free < rest {
		return fmt.Errorf("%w: %d bytes are free, %d are needed", storage.ErrFull, h.Free, rest)
	}
	return err
}

// aboutStorage is the first line of rsync's about the storage at either end, and what it means.
func aboutStorage(said string) (line string, kind error) {
	for line := range strings.Lines(said) {
		for text, kind := range map[string]error{
			"(28)": storage.ErrFull, "(122)": storage.ErrFull, "(30)": storage.ErrReadOnly, "(13)": storage.ErrDenied, "(5)": syscall.EIO,
		} {
			if strings.HasPrefix(line, "rsync: ") && strings.Contains(line, text) {
				return strings.TrimSpace(line), kind
			}
		}
	}
	return "", nil
}

// notFound is what a shell's exit code says of a program that is not there. rsync
// may not get to see it: it finds its connection closed first.
const notFound = 127

// missingThere finds the line in which the shell or the agent at the other end says that a program is not there.
func missingThere(said string) (string, bool) {
	for line := range strings.Lines(said) {
		gone := strings.Contains(line, "not found") || strings.Contains(strings.ToLower(line), "no such file or directory")
		if gone && (strings.HasPrefix(line, "dtctl agent: start ") || strings.Contains(line, "sh: ")) {
			return strings.TrimSpace(line), true
		}
	}
	return "", false
}

// atSource: rsync says which half of it speaks.
func atSource(line string) bool { return strings.Contains(line, "[sender]") }

// lastError is the line that says most: the first that rsync marks as its own.
func lastError(said string) string {
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "rsync: ") {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(said)
}
