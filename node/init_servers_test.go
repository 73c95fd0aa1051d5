//go:build servers

package node_test

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// A root that can only be read and has its marker is taken as it is; one without is refused. The mounts are those of a
// thread of its own, which ends with the test; it needs root.
func TestInitOfARootThatCanOnlyBeRead(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		t.Fatalf("this test mounts and must run as root: %v", err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	for name, want := range map[string]error{"with its marker": nil, "bare": storage.ErrReadOnly} {
		root := t.TempDir()
		l := &graph.Location{Name: "cologne.buffer", Site: &graph.Site{Name: "cologne"}, Storage: opsdb.Disk, Path: root}
		var first opsdb.Marker
		must(unix.Mount("tmpfs", root, "tmpfs", 0, "size=1m"))
		if want == nil {
			var err error
			first, err = node.Init(t.Context(), &marked{}, clock.System{}, node.Credentials{}, l, node.Taking{}, "ada")
			must(err)
		}
		must(unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
		db := &marked{}
		m, err := node.Init(t.Context(), db, clock.System{}, node.Credentials{}, l, node.Taking{}, "ada")
		if !errors.Is(err, want) || err == nil && m.ID != first.ID || db.marker != first.ID {
			t.Errorf("%s: marker %q, recorded %q, %v; want %q, %v", name, m.ID, db.marker, err, first.ID, want)
		}
		must(unix.Unmount(root, unix.MNT_DETACH)) // a process that is just being forked may have a file open there
	}
}
