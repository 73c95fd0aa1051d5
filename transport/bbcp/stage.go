package bbcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/transport/ssh"
)

// stage is a folder of links for one call: bbcp brings several files into a
// folder under the names they have, and the names they must have are those of their parts.
type stage struct{ dir string }

// makeStage links every item under the name of its part, and lists the links.
// Near is the name this end is called by, if any.
func makeStage(ctx context.Context, items []*item, near string) (stage, error) {
	effect.Point(ctx, "bbcp.stage.before")
	dir, err := os.MkdirTemp("", "cdt-bbcp-")
	if err != nil {
		return stage{}, fmt.Errorf("make a folder of links: %w", err)
	}
	s := stage{dir}
	if !ssh.File(dir) {
		return s, errors.Join(fmt.Errorf("the folder %q (TMPDIR) may not stand in a call of bbcp", dir), s.remove(ctx))
	}
	var list strings.Builder
	for _, it := range items {
		link := filepath.Join(dir, filepath.Base(it.to))
		if err := os.Symlink(it.from, link); err != nil {
			return s, errors.Join(fmt.Errorf("link %s: %w", it.from, err), s.remove(ctx))
		}
		list.WriteString(Options{}.place(link, false, near) + "\n")
	}
	if err := os.WriteFile(s.list(), []byte(list.String()), 0o600); err != nil {
		return s, errors.Join(fmt.Errorf("list the links: %w", err), s.remove(ctx))
	}
	effect.Point(ctx, "bbcp.stage.after")
	return s, nil
}

// list is the file that names the links; no attempt has such a name.
func (s stage) list() string { return filepath.Join(s.dir, "list") }

func (s stage) remove(ctx context.Context) error {
	effect.Point(ctx, "bbcp.unstage.before")
	err := os.RemoveAll(s.dir)
	effect.Point(ctx, "bbcp.unstage.after")
	if err != nil {
		return fmt.Errorf("remove the links: %w", err)
	}
	return nil
}
