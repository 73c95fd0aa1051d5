package disk

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// inside names, in the environment of a re-executed test, what it is to do and where.
const inside = "CDT_TEST_NAMESPACE"

// inNamespace runs this test binary again in namespaces of its own, where it
// may mount. Someone who is not root becomes root there only.
func inNamespace(t *testing.T, what, root string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInNamespace$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+what+":"+root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestInNamespace") {
		t.Fatalf("in a namespace: %v\n%s", err, out)
	}
}

// TestInNamespace does what the re-executed test is for.
func TestInNamespace(t *testing.T) {
	what, root, ok := strings.Cut(os.Getenv(inside), ":")
	if !ok {
		return // the tests below run it
	}
	map[string]func(t *testing.T, root string){
		"full": fullDisk, "read-only": readOnlyDisk, "unmounted": unmountedDisk, "mounted below": mountedBelow,
	}[what](t, root)
}

func TestFullDisk(t *testing.T)      { t.Parallel(); inNamespace(t, "full", t.TempDir()) }
func TestReadOnlyDisk(t *testing.T)  { t.Parallel(); inNamespace(t, "read-only", t.TempDir()) }
func TestMountedBelow(t *testing.T)  { t.Parallel(); inNamespace(t, "mounted below", t.TempDir()) }
func TestUnmountedDisk(t *testing.T) { t.Parallel(); inNamespace(t, "unmounted", t.TempDir()) }

// mounted is a disk on a tmpfs of some bytes.
func mounted(t *testing.T, root string, size int) *Disk {
	t.Helper()
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(t, unix.Mount("tmpfs", root, "tmpfs", 0, "size="+strconv.Itoa(size)))
	d := fresh(t, root, Options{})
	must(t, d.Init(t.Context(), markerFor(location), false))
	return d
}

func failsWith(t *testing.T, d *Disk, want error, reason string) {
	t.Helper()
	ctx := t.Context()
	b := random(3<<20, 1)
	errs := map[string]error{}
	_, errs["put"] = d.Put(ctx, putOf("new/x", 7, b))
	errs["put small"] = d.PutSmall(ctx, attempt(7), "new.json", random(64<<10, 1))
	errs["write file"] = d.WriteFile(ctx, attempt(7), "x", d.clock.Now(), strings.NewReader(string(b)))
	h, err := d.Check(ctx)
	errs["check"] = err
	for what, err := range errs {
		f := storage.Classify(location, err)
		if !errors.Is(err, want) || f.Class != opsdb.Environment || f.Reason != reason || f.Subject != "location:"+location {
			t.Errorf("%s: %v, classified %+v", what, err, f)
		}
	}
	if h.Marker.ID == "" || h.Total == 0 {
		t.Errorf("check tells nothing beside its error: %+v", h)
	}
	if r, err := d.Read(ctx, "there", true, nil); err != nil || r.Medium != opsdb.FromCache {
		t.Errorf("what is there cannot be read: %+v, %v", r, err)
	}
}

// fullDisk: everything says so, nothing stays, and it goes on when there is room (E9).
func fullDisk(t *testing.T, root string) {
	d := mounted(t, root, 8<<20)
	put(t, d, "there", []byte("there"))
	ballast := filepath.Join(root, "ballast")
	f, err := os.Create(ballast)
	must(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the ballast stopped with %v", err)
	}
	must(t, f.Close())
	failsWith(t, d, storage.ErrFull, "full")
	must(t, os.Remove(ballast))
	must(t, d.DiscardTree(t.Context(), attempt(7)))
	nothingNamed(t, d, "new/x", 0)
	if _, err := d.Put(t.Context(), putOf("new/x", 8, random(3<<20, 1))); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if _, err := d.Check(t.Context()); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func readOnlyDisk(t *testing.T, root string) {
	d := mounted(t, root, 8<<20)
	put(t, d, "there", []byte("there"))
	must(t, unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	failsWith(t, d, storage.ErrReadOnly, "read_only")
	ctx := t.Context()
	_, quarantined := d.Quarantine(ctx, "there", attempt(1))
	for what, err := range map[string]error{
		"trash": d.Trash(ctx, "there", attempt(1)), "quarantine": quarantined, "trash file": d.TrashFile(ctx, "there", attempt(1), 1),
	} {
		if !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, unix.Mount("", root, "", unix.MS_REMOUNT, ""))
	must(t, d.Trash(ctx, "there", attempt(1)))
}

// mountedBelow: a folder of the location is a file system of its own, into and out of which nothing can be renamed. A
// person is told so, and nothing goes.
func mountedBelow(t *testing.T, root string) {
	d := mounted(t, root, 8<<20)
	below := filepath.Join(root, "raw")
	must(t, os.Mkdir(below, 0o755))
	must(t, unix.Mount("tmpfs", below, "tmpfs", 0, "size=8388608"))
	must(t, os.WriteFile(filepath.Join(below, "there"), []byte("there"), 0o644))
	ctx := t.Context()
	_, put := d.Put(ctx, putOf("raw/x", 1, []byte("x")))
	for what, err := range map[string]error{"put": put, "trash": d.Trash(ctx, "raw/there", attempt(1)), "trash file": d.TrashFile(ctx, "raw/there", attempt(1), 1)} {
		f := storage.Classify("cologne.buffer", err)
		if err == nil || f.Class != opsdb.BadConfig || !strings.Contains(f.Text, "another file system is mounted below "+root) {
			t.Errorf("%s: %v, classified %+v", what, err, f)
		}
	}
	if text, err := os.ReadFile(filepath.Join(below, "there")); string(text) != "there" {
		t.Errorf("it has %q, %v", text, err)
	}
	if names, err := os.ReadDir(filepath.Join(root, opsdb.PartDir)); err != nil || len(names) > 0 {
		t.Errorf("parts are left: %v, %v", names, err)
	}
}

// unmountedDisk: the mount goes in the middle of a Put, lazily, as an operator in a hurry does it.
func unmountedDisk(t *testing.T, root string) {
	d := mounted(t, root, 8<<20)
	put(t, d, "there", []byte("there"))
	p := putOf("x", 1, []byte("x"))
	expect := p.Expect
	p.Expect = func() storage.Expect {
		must(t, unix.Unmount(root, unix.MNT_DETACH))
		return expect()
	}
	if _, err := d.Put(t.Context(), p); !errors.Is(err, storage.ErrOffline) {
		t.Errorf("put says %v", err)
	}
	allAre(t, d, storage.ErrOffline)
	if names, err := os.ReadDir(root); err != nil || len(names) != 0 {
		t.Errorf("the mount point has %v, %v", names, err)
	}
}
