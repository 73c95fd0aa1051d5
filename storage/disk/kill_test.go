package disk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/storage"
)

// killed names, in the environment of a re-executed test, the root it works in.
const killed = "CDT_TEST_KILLED"

const pack = 20_000 // bytes

var errDone = errors.New("done before")

// work is everything a disk does to a file in its life. It is written as stages are: it can
// be done again after any crash, by the next attempt.
func work(ctx context.Context, d *Disk, token int64) error {
	b, a := random(pack, 1), attempt(token)
	for _, step := range []func() error{
		func() error { return giveAllBack(ctx, d, a) },
		func() error { _, err := d.Put(ctx, putOf("d/p.tar", token, b)); return err },
		func() error { return d.PutSmall(ctx, a, "d/p.json", []byte("{}")) },
		func() error { return receive(ctx, d, a, b) },
		func() error { return unpackAll(ctx, d, a) },
		func() error { return quarantineOnce(ctx, d, a, b) },
		func() error { return deleteAll(ctx, d, a) },
	} {
		if err := step(); err != nil && !errors.Is(err, errDone) {
			return err
		}
	}
	return nil
}

func receive(ctx context.Context, d *Disk, a storage.Attempt, b []byte) error {
	path, err := d.PartPath(ctx, a)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return err
	}
	_, err = d.Settle(ctx, a, "r/p.tar", storage.Expect{Digest: digestOf(b), Size: int64(len(b))}, nil)
	return err
}

func unpackAll(ctx context.Context, d *Disk, a storage.Attempt) error {
	if _, err := d.Stat(ctx, "tree/x/2"); err == nil {
		return errDone
	}
	for _, name := range []string{"1", "x/2"} {
		if err := d.WriteFile(ctx, a, name, time.Unix(1, 2), strings.NewReader(name)); err != nil {
			return err
		}
	}
	return d.CommitTree(ctx, a, "tree")
}

func quarantineOnce(ctx context.Context, d *Disk, a storage.Attempt, b []byte) error {
	if _, err := d.Stat(ctx, "q/done"); err == nil {
		return errDone
	}
	r := storage.Put{Attempt: a, Path: "q/bad.tar", Write: putOf("", 1, b).Write}
	if _, err := d.Put(ctx, r); err != nil {
		return err
	}
	if _, err := d.Quarantine(ctx, "q/bad.tar", a); err != nil {
		return err
	}
	return d.PutSmall(ctx, a, "q/done", nil)
}

// giveAllBack restores what earlier attempts have in the trash.
func giveAllBack(ctx context.Context, d *Disk, a storage.Attempt) error {
	left, err := d.Trashed(ctx, a.Task)
	if err != nil {
		return err
	}
	for _, old := range left {
		if err := giveBack(ctx, d, old); err != nil {
			return err
		}
	}
	return nil
}

// deleteAll trashes, restores, trashes and purges, one object and one file of many.
func deleteAll(ctx context.Context, d *Disk, a storage.Attempt) error {
	return errors.Join(
		gone(d.Trash(ctx, "r/p.tar", a)), gone(d.Restore(ctx, a, "r/p.tar")), gone(d.Trash(ctx, "r/p.tar", a)), gone(d.Purge(ctx, a)),
		gone(d.TrashFile(ctx, "tree/1", a, 4)), gone(d.RestoreFile(ctx, a, 4, "tree/1")), gone(d.TrashFile(ctx, "tree/1", a, 4)), gone(d.PurgeFile(ctx, a, 4)),
		d.RemoveDirs(ctx, "r/p.tar"),
	)
}

func giveBack(ctx context.Context, d *Disk, old storage.Attempt) error {
	if err := gone(d.Restore(ctx, old, "r/p.tar")); err != nil {
		return err
	}
	numbers, err := d.TrashedFiles(ctx, old)
	for _, n := range numbers {
		err = errors.Join(err, d.RestoreFile(ctx, old, n, "tree/1"))
	}
	return err
}

// gone takes an object that an earlier attempt deleted as done.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// TestKilledChild is the process that is killed.
func TestKilledChild(t *testing.T) {
	root := os.Getenv(killed)
	if root == "" {
		return // TestKilledAtEveryEffect runs it
	}
	points, err := effect.FromEnvironment()
	must(t, err)
	must(t, work(effect.With(t.Context(), points), fresh(t, root, Options{}), 1))
}

func runChild(t *testing.T, root string, env ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(append(os.Environ(), killed+"="+root), env...)
	out, err := cmd.CombinedOutput()
	if bytes.Contains(out, []byte("FAIL")) {
		t.Fatalf("the child failed: %s", out)
	}
	return err
}

// TestKilledAtEveryEffect (E1): whatever the moment of the kill, a final name is whole,
// and the next attempt comes to the same end.
func TestKilledAtEveryEffect(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	if err := runChild(t, newDisk(t, Options{}).path, effect.Log+"="+log); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	must(t, err)
	points := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(points) < 100 {
		t.Fatalf("only %d effects: %q", len(points), points)
	}
	for i, point := range points {
		t.Run(strconv.Itoa(i+1)+" "+point, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t, Options{})
			if err := runChild(t, d.path, effect.Kill+"="+strconv.Itoa(i+1)); err == nil {
				t.Fatal("the child survived its kill")
			}
			wholeOrAbsent(t, d)
			must(t, work(t.Context(), d, 2))
			finished(t, d)
		})
	}
}

// wholeOrAbsent reads whatever has a final name.
func wholeOrAbsent(t *testing.T, d *Disk) {
	t.Helper()
	sizes := map[string]int64{"d/p.tar": pack, "d/p.json": 2, "r/p.tar": pack, "q/bad.tar": pack, "q/done": 0, "tree/1": 1, "tree/x/2": 3}
	for info, err := range d.List(t.Context(), "") {
		must(t, err)
		r, err := d.Read(t.Context(), info.Path, true, nil)
		if err != nil || r.Size != sizes[info.Path] || r.Size == pack && r.Digest != digestOf(random(pack, 1)) {
			t.Errorf("%s is %+v, %v", info.Path, r, err)
		}
	}
}

func finished(t *testing.T, d *Disk) {
	t.Helper()
	var paths []string
	for info, err := range d.List(t.Context(), "") {
		must(t, err)
		paths = append(paths, info.Path)
	}
	if got := strings.Join(paths, " "); got != "d/p.json d/p.tar q/done tree/x/2" {
		t.Errorf("there is %s", got)
	}
	if left, err := d.Trashed(t.Context(), attempt(1).Task); err != nil || len(left) != 0 {
		t.Errorf("in the trash %v, %v", left, err)
	}
	if _, err := d.Reclaim(t.Context(), 0, nil); err != nil {
		t.Error(err)
	}
	for _, own := range []string{".part", ".trash"} {
		if left, err := os.ReadDir(filepath.Join(d.path, own)); err != nil || len(left) != 0 {
			t.Errorf("%s holds %v, %v", own, left, err)
		}
	}
}
