package local

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/transport"
)

// inside is set, in the environment of a re-executed test, to the folder to mount on.
const inside = "CDT_TEST_NAMESPACE"

// TestFullTarget runs itself again where it may mount a small tmpfs.
func TestFullTarget(t *testing.T) {
	if root := os.Getenv(inside); root != "" {
		fullTarget(t, root)
		return
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullTarget$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestFullTarget") {
		t.Fatalf("in a namespace: %v\n%s", err, out)
	}
}

// fullTarget (E9): a full destination is told as such whatever way the bytes go, and takes them when there is room.
func fullTarget(t *testing.T, root string) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(unix.Mount("tmpfs", root, "tmpfs", 0, "size=4m"))
	target, err := disk.New("cologne.buffer", root, disk.Options{})
	must(err)
	must(target.Init(t.Context(), opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: "cologne.buffer"}, false))
	source := newDisk(t, "ccat.buffer")
	large, small := storagetest.Bytes(6<<20, 1), storagetest.Bytes(1<<20, 2)
	storagetest.MustPut(t, source, "large.tar", large)
	storagetest.MustPut(t, source, "small.tar", small)
	for name, from := range map[string]storage.Storage{"in the kernel": source, "by hand": storagetest.Faulty(source, &storagetest.Faults{})} {
		item := func(path string, size int64) transport.Item {
			return transport.Item{Source: from, Path: path, Target: target, Attempt: storagetest.NewAttempt(), Size: size}
		}
		items := []transport.Item{item("large.tar", 6<<20), item("small.tar", 1<<20)}
		err := New(Options{}).Send(t.Context(), items[:1], nil)[0]
		f := stages.FailureOf(err)
		if !errors.Is(err, storage.ErrFull) || f.Class != opsdb.Environment || f.Reason != "full" || f.Subject != "location:cologne.buffer" {
			t.Errorf("%s: %v, classified %+v", name, err, f)
		}
		must(target.Discard(t.Context(), items[0].Attempt))
		must(New(Options{}).Send(t.Context(), items[1:], nil)[0])
		must(target.Discard(t.Context(), items[1].Attempt))
	}
}
