//go:build servers

package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// memoryRoutes take a package through every stage type at one site.
const memoryRoutes = `
version: 1
sites:
  lab:
    locations:
      camera: {type: source, disk: {path: ROOT/camera}, final: {by: stable, after: 1s}}
      buffer: {type: buffer, disk: {path: ROOT/buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/lta}}
      desk:   {type: processing, disk: {path: ROOT/desk}}
routes:
  raw:
    stages:
      pack:    {type: package, from: lab.camera, to: lab.buffer, max_size: 100GB, close_when: group.files >= FILES}
      archive: {type: archive, from: lab.buffer, to: lab.lta}
      process: {type: stage, from: lab.lta, to: lab.desk, when: archived >= 1}
      scrub:   {type: verify, at: lab.lta, every: 90d}
    retention:
      require_archived: 1
      grace: 1s
      locations:
        lab.camera: {delete_when: "age >= seconds(1) && at(\"lab.desk\")"}
        lab.buffer: {delete_when: "archived >= 1 && at(\"lab.desk\")"}
`

// The memory of a worker stays below 128 MB, whatever the size of a file and the number of files of a package, and
// within 8 MiB of that with a file of 1 GiB, if that is the base (below, chance has a larger part):
// it finds, packs, archives, unpacks and deletes one file of 64 MiB (CDT_MEMORY_BASE: of so many bytes), a
// sparse one of 512 MiB (CDT_MEMORY_SPARSE), and 10,000 files of ten bytes (CDT_MEMORY_FILES). The engine
// beside it, a process of its own, stays below 128 MB, too.
func TestWorkerMemory(t *testing.T) {
	t.Parallel()
	program := filepath.Join(built(t), "dtctl") // as people have it: the race detector needs memory of its own
	size := sizeFrom(t, "CDT_MEMORY_BASE", 64<<20)
	base, whole := peak(t, program, 1, size), size >= 1<<30
	t.Logf("the base: 1 file of %d bytes: %s", size, base)
	for name, of := range map[string]struct{ files, bytes int64 }{
		"a large sparse file": {1, sizeFrom(t, "CDT_MEMORY_SPARSE", 512<<20)},
		"many small files":    {sizeFrom(t, "CDT_MEMORY_FILES", 10_000), 10},
	} {
		if of.files*of.bytes == 0 {
			continue
		}
		got := peak(t, program, of.files, of.bytes)
		t.Logf("%s: %d of %d bytes: %s", name, of.files, of.bytes, got)
		const more, most = 8 << 20, 128_000_000
		if got.worker > most || whole && got.worker > base.worker+more {
			t.Errorf("%s takes %d bytes of the worker's memory, the base %d", name, got.worker, base.worker)
		}
		if got.engine > most {
			t.Errorf("%s takes %d bytes of the engine's memory", name, got.engine)
		}
	}
}

// peaks are the most memory that a worker and an engine had at once, in bytes, and how long each leg took.
type peaks struct {
	worker, engine int64
	legs           []string
}

func (p peaks) String() string {
	return fmt.Sprintf("worker %.1f MB at most, engine %.1f MB; %s", float64(p.worker)/1e6, float64(p.engine)/1e6, strings.Join(p.legs, ", "))
}

// peak has everything done with one package.
func peak(t *testing.T, program string, files, bytes int64) (p peaks) {
	t.Helper()
	root, away := ground(t, files*bytes)
	defer away()
	f := newFleetOf(t, testserver.Postgres(t), root, regexp.MustCompile("FILES").ReplaceAllString(memoryRoutes, strconv.FormatInt(files, 10)))
	f.program = program
	engine := f.engine()
	engine.waitFor(`"msg":"serving"`)
	f.initialise()
	f.sparse(files, bytes)
	scan := "1s"
	if files > 100_000 {
		scan = "10s" // a third of what it is by itself; a scan looks at every file
	}
	worker := f.worker("lab", "--scan", scan)
	passed, before := clock.Monotonic(), time.Duration(0)
	for _, leg := range []struct {
		name string
		done func(context.Context, looker) (bool, error)
	}{
		{"found and filed", func(ctx context.Context, s looker) (bool, error) {
			totals, err := s.Totals(ctx)
			return totals.Grouped.Count > 0 || len(totals.Packages) > 0, err
		}},
		{"in a package", standing("lab.camera", opsdb.Present)},
		{"packed", standing("lab.buffer", opsdb.Present)},
		{"archived", standing("lab.lta", opsdb.Present)},
		{"unpacked", standing("lab.desk", opsdb.Staged)},
		{"sources and buffer cleaned", unpackedAndCleaned},
	} {
		f.until(leg.name, 5*time.Minute+time.Duration(files*bytes/20_000_000)*time.Second+time.Duration(files/200)*time.Second, leg.done)
		p.legs = append(p.legs, fmt.Sprintf("%s after %.1f s", leg.name, (passed()-before).Seconds()))
		before = passed()
	}
	p.worker, p.engine = f.highWater(worker), f.highWater(engine)
	worker.stop()
	engine.stop()
	return p
}

// ground is a file system of the test's own: in memory, or, for what is large, one on which zeros take no space.
func ground(t *testing.T, total int64) (root string, away func()) {
	t.Helper()
	root = t.TempDir()
	do := func(program string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", program, args, err, out)
		}
	}
	const large = 2 << 30
	if total < large {
		do("mount", "-t", "tmpfs", "-o", "nr_inodes=0,size=90%", "none", root)
	} else {
		image := filepath.Join(t.TempDir(), "image")
		do("truncate", "-s", strconv.FormatInt(8*total, 10), image)
		do("mkfs.btrfs", "-q", image)
		do("mount", "-o", "loop,compress-force=zstd:1", image, root)
	}
	gone := false
	away = func() {
		if !gone {
			gone = true
			do("umount", "--lazy", root) // a process that is just being forked may have a file open there
		}
	}
	t.Cleanup(away)
	return root, away
}

// sparse makes files that take no space, a thousand to a folder.
func (f *fleet) sparse(files, bytes int64) {
	f.t.Helper()
	for i := range files {
		dir := filepath.Join(f.root, "camera", "obs1", fmt.Sprintf("%04d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				f.t.Fatal(err)
			}
		}
		file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%07d.fits", i)))
		if err == nil {
			err = file.Truncate(bytes)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
}

// places are where copies of the only package stand.
func places(ctx context.Context, s looker) (map[string]opsdb.CopyState, error) {
	facts, err := s.Packages(ctx, opsdb.Query{Limit: math.MaxInt32})
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	stand := map[string]opsdb.CopyState{}
	for _, c := range facts[0].Copies {
		if c.State != opsdb.Deleted {
			stand[c.Location] = c.State
		}
	}
	return stand, nil
}

// standing says that a copy stands at a place, or has stood there: nothing is left but in the archive and unpacked.
func standing(location string, state opsdb.CopyState) func(context.Context, looker) (bool, error) {
	return func(ctx context.Context, s looker) (bool, error) {
		stand, err := places(ctx, s)
		return stand[location] == state || stand["lab.desk"] == opsdb.Staged, err
	}
}

func unpackedAndCleaned(ctx context.Context, s looker) (bool, error) {
	stand, err := places(ctx, s)
	return maps.Equal(stand, map[string]opsdb.CopyState{"lab.lta": opsdb.Present, "lab.desk": opsdb.Staged}), err
}

// highWater is the most memory a process had so far, in bytes.
func (f *fleet) highWater(s *served) int64 {
	f.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		f.t.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		f.t.Fatalf("no VmHWM in %s", status)
	}
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		f.t.Fatal(err)
	}
	return n << 10
}
