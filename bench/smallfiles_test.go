//go:build servers

package bench_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// smallRoutes packs and archives, and leaves everything where it is.
const smallRoutes = `
version: 1
sites:
  lab:
    locations:
      camera: {type: source, disk: {path: ROOT/camera}, final: {by: rename}}
      buffer: {type: buffer, disk: {path: ROOT/buffer}}
      lta:    {type: long_term_archive, disk: {path: ROOT/lta}}
routes:
  raw:
    stages:
      pack:    {type: package, from: lab.camera, to: lab.buffer, max_size: 500MB, close_when: group.files >= FILES}
      archive: {type: archive, from: lab.buffer, to: lab.lta}
      scrub:   {type: verify, at: lab.lta, every: 90d}
`

const (
	smallSize  = 1_000_000
	smallRound = 2000 // files of a round: 2 GB
)

// BenchmarkSmallFiles packs and archives 20,000 files of 1 MB (CDT_BENCH_FILES: another number), found by a watcher,
// each byte read back twice, beside `rsync -a` and restic's backup into an empty repository, in turns of 2,000 files.
// It prints their times over ours (above 1: we are quicker).
func BenchmarkSmallFiles(b *testing.B) {
	rounds := max(1, number(b, "CDT_BENCH_FILES", 20_000)/smallRound)
	s := newSmall(b)
	for range b.N {
		var rsync, restic []float64
		for round := range rounds {
			r := s.round(fmt.Sprintf("obs%03d", s.archived), uint64(s.archived))
			rsync, restic = append(rsync, r[1].Seconds()/r[0].Seconds()), append(restic, r[2].Seconds()/r[0].Seconds())
			const bytes = smallRound * smallSize / 1e6
			fmt.Printf("round %d, %d files of 1 MB: CDT %.1f s (%.0f MB/s), rsync -a %.1f s (%.0f MB/s, ratio %.2f), restic %.1f s (%.0f MB/s, ratio %.2f)\n", round+1, smallRound,
				r[0].Seconds(), bytes/r[0].Seconds(), r[1].Seconds(), bytes/r[1].Seconds(), rsync[round], r[2].Seconds(), bytes/r[2].Seconds(), restic[round])
		}
		slices.Sort(rsync)
		slices.Sort(restic)
		b.ReportMetric(rsync[len(rsync)/2], "rsync-ratio")
		b.ReportMetric(restic[len(restic)/2], "restic-ratio")
	}
}

// small is one site with an engine and a worker, each a process.
type small struct {
	*lab
	root     string
	archived int // rounds
}

func newSmall(b *testing.B) *small {
	b.Helper()
	for program, debian := range map[string]string{"rsync": "rsync", "restic": "restic"} {
		testserver.Need(b, program, debian)
	}
	s := &small{root: b.TempDir(), lab: &lab{B: b, url: testserver.PostgresWith(b)}}
	dtctl := buildDtctl(b)
	routes := filepath.Join(s.root, "routes.yaml")
	s.check(os.WriteFile(routes, []byte(strings.NewReplacer("ROOT", s.root, "FILES", strconv.Itoa(smallRound)).Replace(smallRoutes)), 0o600))
	dir, _, _ := strings.Cut(strings.TrimPrefix(s.url, "host="), " ")
	db := "postgres://cdt@/postgres?sslmode=disable&host=" + dir
	var err error
	s.store, err = openStore(b.Context(), s.url, "bench")
	s.check(err)
	b.Cleanup(func() { _ = s.store.Close() })
	startProcess(b, dtctl, "serve", "--role", "engine", "--db", db, "--routes", routes)
	s.await("the engine serves", func() bool {
		w, err := s.store.World(b.Context())
		return err == nil && len(w.Locations) > 0
	})
	for _, name := range []string{"camera", "buffer", "lta"} {
		s.check(os.Mkdir(filepath.Join(s.root, name), 0o755))
		out, err := exec.CommandContext(b.Context(), dtctl, "init-location", "--db", db, "--routes", routes, "lab."+name).CombinedOutput()
		if err != nil {
			b.Fatalf("init-location: %v\n%s", err, out)
		}
	}
	startProcess(b, dtctl, "work", "--site", "lab", "--db", db, "--state", filepath.Join(s.root, "state"), "--scan", "5s")
	return s
}

// buildDtctl builds dtctl as people have it.
func buildDtctl(b testing.TB) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "dtctl")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", program, "../cmd/dtctl").CombinedOutput(); err != nil {
		b.Fatalf("build dtctl: %v\n%s", err, out)
	}
	return program
}

// startProcess starts a program that is ended with the benchmark; what it said is shown if that failed.
func startProcess(b *testing.B, program string, args ...string) {
	b.Helper()
	var said strings.Builder
	cmd := exec.Command(program, args...) //nolint:noctx // ended by a signal
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		if err := cmd.Wait(); err != nil || b.Failed() {
			b.Logf("%s %v: %v\n%s", program, args, err, said.String())
		}
	})
}

func (s *small) await(what string, done func() bool) {
	s.Helper()
	limit := time.NewTimer(10 * time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit.C:
			s.Fatalf("not in time: %s", what)
		}
	}
}

// round times CDT, rsync and restic with the files of one observation, each time from the disk.
func (s *small) round(observation string, seed uint64) (took [3]time.Duration) {
	s.Helper()
	made := filepath.Join(s.root, "made", observation)
	fillSmall(s.B, made, seed)
	source := filepath.Join(s.root, "camera", observation)
	coldSmall(s.B, made)
	passed := clock.Monotonic()
	s.check(os.Rename(made, source))
	s.archived++
	s.await("everything is archived", func() bool { return s.bytesArchived() >= int64(s.archived)*smallRound*smallSize })
	took[0] = passed()
	took[1] = s.beside(source, "sh", "-c", `rsync -a "$1/" "$2/" && sync -f "$2"`, "sh", source, filepath.Join(s.root, "theirs"))
	s.check(os.RemoveAll(filepath.Join(s.root, "theirs")))
	s.run("restic", "init", "-q", "-r", filepath.Join(s.root, "theirs"))
	took[2] = s.beside(source, "sh", "-c", `restic backup -q -r "$2" "$1" && sync -f "$2"`, "sh", source, filepath.Join(s.root, "theirs"))
	s.check(os.RemoveAll(filepath.Join(s.root, "theirs")))
	for _, place := range []string{"buffer", "lta"} { // room for the next round; they are not looked at again
		s.check(os.RemoveAll(filepath.Join(s.root, place, "raw")))
	}
	return took
}

// beside times what stands beside us, from a source that is not in the cache.
func (s *small) beside(source, program string, args ...string) time.Duration {
	s.Helper()
	coldSmall(s.B, source)
	passed := clock.Monotonic()
	s.run(program, args...)
	return passed()
}

func (s *small) run(program string, args ...string) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), program, args...)
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD=bench")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// bytesArchived is how many bytes of packages were read back in the archive.
func (s *small) bytesArchived() int64 {
	s.Helper()
	t, err := s.store.Totals(s.Context())
	s.check(err)
	return t.Copies["lab.lta"][opsdb.Present].Bytes
}

// fillSmall makes files nobody can compress or share, 500 to a folder.
func fillSmall(b *testing.B, dir string, seed uint64) {
	b.Helper()
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 7})
	for i := range smallRound {
		path := filepath.Join(dir, fmt.Sprint(i/500), fmt.Sprintf("%05d.fits", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(path)
		if err == nil {
			_, err = io.CopyN(f, random, smallSize)
		}
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// coldSmall writes what is below dir and drops it from the cache.
func coldSmall(b *testing.B, dir string) {
	b.Helper()
	unix.Sync()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
	if err != nil {
		b.Fatal(err)
	}
}
