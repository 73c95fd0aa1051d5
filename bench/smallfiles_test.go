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
	"syscall"
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
// It prints their times over ours (above 1: we are quicker), how long each leg of ours took, and what each read from and wrote to the disk.
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
			fmt.Printf("  CDT: %s\n  CDT %s; rsync %s; restic %s\n", strings.Join(s.legs, ", "), s.moved[0], s.moved[1], s.moved[2])
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
	worker   *exec.Cmd
	legs     []string // of the last round, and how long each took
	moved    [3]spent // by CDT, rsync and restic in the last round
}

// spent is what a program read from and wrote to the disk, and its processor time.
type spent struct {
	read, written int64
	cpu           time.Duration
}

func (m spent) String() string {
	return fmt.Sprintf("read %.1f GB, wrote %.1f GB, %.1f s of processor", float64(m.read)/1e9, float64(m.written)/1e9, m.cpu.Seconds())
}

func newSmall(b *testing.B) *small {
	b.Helper()
	for program, debian := range map[string]string{"rsync": "rsync", "restic": "restic"} {
		testserver.Need(b, program, debian)
	}
	return newSite(b, strings.ReplaceAll(smallRoutes, "FILES", strconv.Itoa(smallRound)))
}

// newSite starts engine and worker of a site with the places camera, buffer and lta below ROOT; all get args.
func newSite(b *testing.B, text string, args ...string) *small {
	b.Helper()
	return newSiteOn(b, testserver.PostgresWith(b), text, args...)
}

// newSiteOn is newSite with a database that is there.
func newSiteOn(b *testing.B, url, text string, args ...string) *small {
	b.Helper()
	s := &small{root: b.TempDir(), lab: &lab{B: b, url: url}}
	dtctl := buildDtctl(b)
	routes := filepath.Join(s.root, "routes.yaml")
	s.check(os.WriteFile(routes, []byte(strings.ReplaceAll(text, "ROOT", s.root)), 0o600))
	dir, _, _ := strings.Cut(strings.TrimPrefix(s.url, "host="), " ")
	db := "postgres://cdt@/postgres?sslmode=disable&host=" + dir
	var err error
	s.store, err = openStore(b.Context(), s.url, "bench")
	s.check(err)
	b.Cleanup(func() { _ = s.store.Close() })
	startProcess(b, dtctl, append([]string{"serve", "--role", "engine", "--db", db, "--routes", routes}, args...)...)
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
	s.worker = startProcess(b, dtctl, append([]string{"work", "--site", "lab", "--db", db, "--state", filepath.Join(s.root, "state"), "--scan", "5s"}, args...)...)
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

// saidShown is how much is shown of what a process said, from the end.
const saidShown = 4000

// startProcess starts a program that is ended with the benchmark; what it said is shown if that failed.
func startProcess(b *testing.B, program string, args ...string) *exec.Cmd {
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
			all := said.String()
			b.Logf("%s %v: %v\n…%s", program, args, err, all[max(0, len(all)-saidShown):])
		}
	})
	return cmd
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
	took[0] = s.ours(func() { s.check(os.Rename(made, source)) })
	took[1], s.moved[1] = s.beside(source, "sh", "-c", `rsync -a "$1/" "$2/" && sync -f "$2"`, "sh", source, filepath.Join(s.root, "theirs"))
	s.check(os.RemoveAll(filepath.Join(s.root, "theirs")))
	s.run("restic", "init", "-q", "-r", filepath.Join(s.root, "theirs"))
	took[2], s.moved[2] = s.beside(source, "sh", "-c", `restic backup -q -r "$2" "$1" && sync -f "$2"`, "sh", source, filepath.Join(s.root, "theirs"))
	s.check(os.RemoveAll(filepath.Join(s.root, "theirs")))
	for _, place := range []string{"buffer", "lta"} { // room for the next round; they are not looked at again
		s.check(os.RemoveAll(filepath.Join(s.root, place, "raw")))
	}
	return took
}

// ours times CDT from the moment at which the files are there, leg by leg.
func (s *small) ours(begin func()) time.Duration {
	s.Helper()
	s.archived++
	files, bytes := s.archived*smallRound, int64(s.archived)*smallRound*smallSize
	before, passed, last := s.spentBy(s.worker.Process.Pid), clock.Monotonic(), time.Duration(0)
	begin()
	s.legs = nil
	for _, leg := range []struct {
		name string
		done func(opsdb.Totals) bool
	}{
		{"filed", func(t opsdb.Totals) bool { return t.Files["lab.camera"][opsdb.Present].Count >= files }},
		{"in packages", func(t opsdb.Totals) bool { return t.Grouped.Count+t.Unrouted.Count == 0 }},
		{"first one packed", func(t opsdb.Totals) bool {
			return t.Copies["lab.buffer"][opsdb.Present].Bytes > bytes-smallRound*smallSize
		}},
		{"all packed", func(t opsdb.Totals) bool { return t.Copies["lab.buffer"][opsdb.Present].Bytes >= bytes }},
		{"all archived", func(t opsdb.Totals) bool { return t.Copies["lab.lta"][opsdb.Present].Bytes >= bytes }},
	} {
		s.await(leg.name, func() bool {
			t, err := s.store.Totals(s.Context())
			s.check(err)
			return leg.done(t)
		})
		s.legs = append(s.legs, fmt.Sprintf("%s after %.1f s", leg.name, (passed()-last).Seconds()))
		last = passed()
	}
	after := s.spentBy(s.worker.Process.Pid)
	s.moved[0] = spent{after.read - before.read, after.written - before.written, after.cpu - before.cpu}
	return last
}

// spentBy is what a process has spent so far.
func (s *small) spentBy(pid int) (m spent) {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	s.check(err)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		n, err := strconv.ParseInt(value, 10, 64)
		s.check(err)
		switch name {
		case "read_bytes":
			m.read = n
		case "write_bytes":
			m.written = n
		}
	}
	text, err = os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	s.check(err)
	_, rest, _ := strings.Cut(string(text), ") ")
	const ticks, utime = 100, 11 // of a second; the field after the name's
	for _, field := range strings.Fields(rest)[utime : utime+2] {
		n, err := strconv.ParseInt(field, 10, 64)
		s.check(err)
		m.cpu += time.Duration(n) * time.Second / ticks
	}
	return m
}

// beside times what stands beside us, from a source that is not in the cache.
func (s *small) beside(source, program string, args ...string) (time.Duration, spent) {
	s.Helper()
	coldSmall(s.B, source)
	passed := clock.Monotonic()
	done := s.run(program, args...)
	took := passed()
	const block = 512 // bytes
	used := done.SysUsage().(*syscall.Rusage)
	return took, spent{used.Inblock * block, used.Oublock * block, done.UserTime() + done.SystemTime()}
}

func (s *small) run(program string, args ...string) *os.ProcessState {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), program, args...)
	cmd.Env = append(os.Environ(), "RESTIC_PASSWORD=bench")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%s: %v\n%s", program, err, out)
	}
	return cmd.ProcessState
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
