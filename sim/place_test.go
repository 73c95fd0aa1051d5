package sim_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/sim"
)

// inNamespace re-executes the test in a mount namespace of its own, where it
// may mount what it likes. It returns false in the parent, after the child has passed.
func inNamespace(t *testing.T) bool {
	t.Helper()
	const mark = "CDT_TEST_NAMESPACE"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in a mount namespace (needs root or user namespaces): %v\n%s", err, out)
	}
	return false
}

// tmpfs mounts a small file system at a location's root, before it is initialised.
func tmpfs(t *testing.T, dir string, size int) {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+strconv.Itoa(size)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// until drives until a condition holds while nothing else can be done.
func (h *house) until(what string, holds func() bool) {
	h.t.Helper()
	stop := h.Driver.Stop
	deadline := h.Clock.Now().Add(24 * time.Hour)
	met := false
	h.Driver.Stop = func(_ context.Context, _ time.Time) (bool, error) {
		met = holds()
		if !met && h.Clock.Now().After(deadline) {
			return true, errors.New("never came: " + what)
		}
		return met, nil
	}
	h.must(ignoreIdle(h.Driver.Drive(h.t.Context())))
	if !met {
		h.t.Fatalf("never came: %s", what)
	}
	h.Driver.Stop = stop
}

func ignoreIdle(err error) error {
	if errors.Is(err, sim.ErrIdle) {
		return nil
	}
	return err
}

// reasons are the verdicts and reasons of the open moves to a place.
func (h *house) reasons(to string) string {
	h.t.Helper()
	moves, err := h.Store.OpenMoves(h.t.Context(), opsdb.Query{})
	h.must(err)
	var out []string
	for _, m := range moves {
		if m.To == to {
			out = append(out, m.Verdict+":"+m.Reason)
		}
	}
	return strings.Join(out, " ")
}

// E9: a full destination is waited for with that reason, and everything goes on by itself afterwards.
func TestFullDestinationFreesUp(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	h := smallArchive(t)
	ballast := filepath.Join(h.Roots["cornell.lta"], "somebody-elses-file")
	h.must(os.WriteFile(ballast, noise(9, 3_500_000), 0o644))
	h.fill("ccat.primecam", 8, 200_000)
	h.until("waiting for room at cornell.lta", func() bool { return strings.Contains(h.reasons("cornell.lta"), "waiting:room") })
	h.must(os.Remove(ballast))
	h.Clock.Advance(time.Minute)
	h.run()
	h.cleaned(h.judge())
}

// A read-only destination is waited for with that reason, and goes on by itself afterwards.
func TestReadOnlyDestinationComesBack(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	h := smallArchive(t)
	dir := h.Roots["cornell.lta"]
	h.must(unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	h.fill("ccat.primecam", 4, 100_000)
	h.until("waiting for a read-only cornell.lta", func() bool { return strings.Contains(h.reasons("cornell.lta"), "waiting:location_down") })
	h.must(unix.Mount("", dir, "", unix.MS_REMOUNT, ""))
	h.Clock.Advance(time.Minute)
	h.run()
	h.cleaned(h.judge())
}

// S9: an archive that is not mounted is offline, not empty: nothing is lost, nothing is written into the mount point.
func TestUnmountedArchiveIsOffline(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	h := smallArchive(t)
	h.fill("ccat.primecam", 4, 100_000)
	h.stopBeforeDeletion()
	dir := h.Roots["cornell.lta"]
	aside := dir + ".aside"
	h.must(os.MkdirAll(aside, 0o755))
	h.must(unix.Mount(dir, aside, "", unix.MS_MOVE, ""))
	for _, p := range h.packages() {
		h.must(h.Store.WantVerify(t.Context(), p.Package.ID, "cornell.lta", "tester"))
	}
	h.until("cornell.lta is offline", func() bool { return strings.Contains(h.reasons("cornell.lta"), "location_down") })
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the empty mount point has %d entries, %v", len(entries), err)
	}
	if n := len(h.events(opsdb.EventCopyLost)) + len(h.events(opsdb.EventQuarantined)); n > 0 {
		t.Errorf("%d copies were called lost or corrupt", n)
	}
	h.must(unix.Mount(aside, dir, "", unix.MS_MOVE, ""))
	h.Clock.Advance(time.Minute)
	h.run()
	h.cleaned(h.judge())
}

// smallArchive is the CCAT route with Cornell's archive on a file system of 4 MB.
func smallArchive(t *testing.T) *house {
	t.Helper()
	root := t.TempDir()
	tmpfs(t, filepath.Join(root, "sites", "cornell", "lta"), 4<<20)
	h := &house{t: t, cfg: stand(t, sim.Config{Root: root, Routes: ccat(t), Start: start, Impatient: true}), truth: map[string][]check.Original{}}
	h.open()
	t.Cleanup(func() { h.shut() })
	return h
}
