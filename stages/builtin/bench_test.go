package builtin_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/stagestest"
)

// BenchmarkPack packs (bag, all digests, fsync, read back, final name) beside
// the pipeline a person would write, interleaved in one run, from a source
// that is not in the cache. It prints, pair by pair, the pipeline's time over ours (above 1: we are quicker),
// and what this machine's disk and hashes could do in that run. With -short all is a sixteenth.
func BenchmarkPack(b *testing.B) {
	scale := 1
	if testing.Short() {
		scale = 16
	}
	b.Run("4x1GiB", func(b *testing.B) { packBeside(b, 4, (1<<30)/scale) })
	b.Run("4096x1MB", func(b *testing.B) { packBeside(b, 4096/scale, 1_000_000) })
}

const pairs = 3

func packBeside(b *testing.B, files, size int) {
	g := ground(b)
	table := benchFiles(b, g.Root(stagestest.Source), files, size)
	bytes := float64(files) * float64(size)
	for range b.N {
		var ratios, shares []float64
		for range pairs {
			write, read := diskLimits(b, g.Root(stagestest.Buffer), int64(bytes))
			one, all := hashLimits()
			before := cpu(unix.RUSAGE_SELF)
			ours := packOnce(b, g, table)
			spent := cpu(unix.RUSAGE_SELF) - before
			before = cpu(unix.RUSAGE_CHILDREN)
			theirs := pipeline(b, g.Root(stagestest.Source), g.Root(stagestest.Buffer))
			piped := cpu(unix.RUSAGE_CHILDREN) - before
			// Every byte goes to the disk once and through four digests: file, tar and segment, and segment again as it is read back.
			limit := max(bytes/write, 4*bytes/all)
			ratios = append(ratios, theirs.Seconds()/ours.Seconds())
			shares = append(shares, limit/ours.Seconds())
			fmt.Printf("%s: packed in %.2f s (%.0f MB/s, %.2f s of processor), pipeline %.2f s (%.0f MB/s, %.2f s), ratio %.2f, %.2f of the limit; disk writes %.0f and reads %.0f MB/s, sha256 %.0f MB/s on one core, %.0f on all\n",
				b.Name(), ours.Seconds(), bytes/ours.Seconds()/1e6, spent.Seconds(), theirs.Seconds(), bytes/theirs.Seconds()/1e6, piped.Seconds(),
				theirs.Seconds()/ours.Seconds(), limit/ours.Seconds(), write/1e6, read/1e6, one/1e6, all/1e6)
		}
		b.ReportMetric(median(ratios), "ratio")
		b.ReportMetric(median(shares), "of-limit")
	}
	b.SetBytes(int64(bytes))
}

// cpu is the processor time spent so far.
func cpu(who int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// benchFiles fills a source with files nobody can compress or share, and returns their member table.
func benchFiles(b *testing.B, root string, files, size int) []opsdb.Member {
	b.Helper()
	var table []opsdb.Member
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	for i := range files {
		_, _ = random.Read(content)
		path := fmt.Sprintf("obs1/m1/file-%05d.fits", i)
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(full, content, 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(full, stagestest.ModTime(), stagestest.ModTime()); err != nil {
			b.Fatal(err)
		}
		table = append(table, opsdb.Member{File: opsdb.ID(fmt.Sprint(i)), Path: path, Size: int64(size), ModTime: stagestest.ModTime()})
	}
	return table
}

// cold writes what is below root and drops it from the cache.
func cold(b *testing.B, root string) {
	b.Helper()
	unix.Sync()
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return joined(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED), f.Close())
	})
	if err != nil {
		b.Fatal(err)
	}
}

func joined(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// packOnce runs the package stage and removes what it made.
func packOnce(b *testing.B, g stagestest.Ground, table []opsdb.Member) time.Duration {
	b.Helper()
	cold(b, g.Root(stagestest.Source))
	pkg := opsdb.Package{ID: opsdb.NewID(), Name: "raw-obs1-m1-1-0a1b2c3d", Dir: "raw/obs1", Source: stagestest.Source, MadeAt: stagestest.ModTime()}
	path := pkg.Dir + "/" + pkg.Name + ".tar"
	work := &stagestest.Work{Table: slices.Clone(table), A: opsdb.Assignment{
		Task:    opsdb.Task{ID: opsdb.NewID(), Type: "package", To: stagestest.Buffer, Epoch: "e1", Token: 1, Path: path},
		Package: pkg, Target: &opsdb.Copy{ID: opsdb.NewID(), Location: stagestest.Buffer, Path: path},
	}}
	stage, _ := g.Registry.Find("package")
	start := time.Now()
	out, err := stage.Run(context.Background(), work)
	took := time.Since(start)
	if err != nil || out.Packed == nil {
		b.Fatalf("pack: %+v, %v", out, err)
	}
	if err := os.Remove(filepath.Join(g.Root(stagestest.Buffer), path)); err != nil {
		b.Fatal(err)
	}
	return took
}

// pipeline is what one would write by hand; it reads nothing back.
func pipeline(b *testing.B, source, buffer string) time.Duration {
	b.Helper()
	cold(b, source)
	out := filepath.Join(buffer, "pipeline.tar")
	start := time.Now()
	text, err := exec.Command("sh", "-c", `tar cf - -C "$1" obs1 | tee "$2" | openssl dgst -sha256; sync "$2"`, "sh", source, out).CombinedOutput()
	took := time.Since(start)
	if err != nil {
		b.Fatalf("pipeline: %v\n%s", err, text)
	}
	if err := os.Remove(out); err != nil {
		b.Fatal(err)
	}
	return took
}

// diskLimits writes and syncs, then reads uncached, as much as a package of n bytes, at most 1 GiB; bytes per second.
func diskLimits(b *testing.B, dir string, n int64) (write, read float64) {
	b.Helper()
	n = min(n, 1<<30)
	path := filepath.Join(dir, "limit")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	block := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(block)
	start := time.Now()
	for done := int64(0); done < n; done += int64(len(block)) {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		_ = unix.SyncFileRange(int(f.Fd()), done, int64(len(block)), unix.SYNC_FILE_RANGE_WRITE)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	write = float64(n) / time.Since(start).Seconds()
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	start = time.Now()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, block); err != nil {
		b.Fatal(err)
	}
	read = float64(n) / time.Since(start).Seconds()
	if err := joined(f.Close(), os.Remove(path)); err != nil {
		b.Fatal(err)
	}
	return write, read
}

// hashLimits is how many bytes per second one core, and all together, can digest.
func hashLimits() (one, all float64) {
	const n = 256 << 20
	block := make([]byte, 256<<10)
	hash := func() {
		h := sha256.New()
		for done := 0; done < n; done += len(block) {
			h.Write(block)
		}
	}
	start := time.Now()
	hash()
	one = n / time.Since(start).Seconds()
	var wg sync.WaitGroup
	start = time.Now()
	for range runtime.NumCPU() {
		wg.Go(hash)
	}
	wg.Wait()
	return one, float64(runtime.NumCPU()) * n / time.Since(start).Seconds()
}
