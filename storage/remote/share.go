package remote

import (
	"context"
	"os"
	"path/filepath"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/transport/ssh"
)

// shared is the folder, of this user alone, with the socket of a connection that other calls of ssh may go through:
// over a long way a login costs ten round trips, and a call through a connection that is there two.
type shared struct{ dir string }

// share makes the folder. Where that cannot be done nothing is shared: every call logs in by itself.
func share(ctx context.Context) shared {
	effect.Point(ctx, "remote.share.before")
	defer effect.Point(ctx, "remote.share.after")
	dir, err := os.MkdirTemp("", "cdt-ssh-")
	if err != nil {
		return shared{}
	}
	s := shared{dir}
	if !ssh.MayShare(s.socket()) {
		s.remove()
		return shared{}
	}
	return s
}

// socket is the path of the socket; "": there is none.
func (s shared) socket() string {
	if s.dir == "" {
		return ""
	}
	return filepath.Join(s.dir, "s")
}

// remove removes the folder. What ended badly left a socket in it.
func (s shared) remove() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
