package bag_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
)

// fixture is a package in memory: true path → content.
type fixture struct {
	pkg   opsdb.Package
	files map[string]string
}

func aPackage() opsdb.Package {
	return opsdb.Package{
		ID: "0199aaaa-0000-7000-8000-000000000001", Route: "raw", Stage: "pack", Number: 7, Name: "raw-obs1-m1-7-00000001",
		Source: "ccat.primecam", Instrument: "prime cam", Observation: "obs\n1", Module: "m1", Program: "GEco", Tags: []string{"a", "100%"},
		ObservedAt: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), MadeAt: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
	}
}

var modTime = time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)

func (f fixture) members() iter.Seq2[opsdb.Member, error] {
	return func(yield func(opsdb.Member, error) bool) {
		paths := make([]string, 0, len(f.files))
		for p := range f.files {
			paths = append(paths, p)
		}
		sort.Strings(paths)
		for i, p := range paths {
			if !yield(opsdb.Member{File: opsdb.ID(fmt.Sprint(i)), Path: p, Size: int64(len(f.files[p])), ModTime: modTime}, nil) {
				return
			}
		}
	}
}

func (f fixture) job(born func(opsdb.Member) error) bag.Job {
	return bag.Job{Package: f.pkg, Members: f.members(), Born: born,
		Open: func(_ context.Context, m opsdb.Member) (bag.Content, error) {
			return io.NopCloser(strings.NewReader(f.files[m.Path])), nil
		}}
}

// write writes the bag and returns it with its members.
func (f fixture) write(t *testing.T) ([]byte, bag.Written, []opsdb.Member) {
	t.Helper()
	var out bytes.Buffer
	var members []opsdb.Member
	w, err := bag.Write(t.Context(), &out, f.job(func(m opsdb.Member) error { members = append(members, m); return nil }))
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), w, members
}

func sum(b []byte) opsdb.Digest {
	s := sha256.Sum256(b)
	return opsdb.Digest(hex.EncodeToString(s[:]))
}

// odd are names that one reader or another takes differently.
func odd() map[string]string {
	return map[string]string{
		"plain.fits": "plain", "empty": "", "dir/sub/file.fits": "nested", "with space": "s", " leading": "l", "trailing ": "t",
		"new\nline": "nl", "per%cent": "pc", "back\\slash": "bs", "bad\xff\xfeutf8": "bad", "tab\t": "tab", "umlaut-ü": "u",
		strings.Repeat("n", 255): "255", "-rf": "dash", "*star": "star", ".renamed/x": "mine", ".hidden": "h", "~home": "t", "cr\r": "cr",
		strings.Repeat("deep-directory-name/", 150) + "leaf": "long", strings.Repeat(strings.Repeat("d", 250)+"/", 15) + "x": "longer",
		"big": strings.Repeat("0123456789abcdef", 70_000), "nbsp\u00a0": "nbsp", "nel\u0085x": "nel", "a/ b/c": "inner",
	}
}

func TestSameBytesEachTime(t *testing.T) {
	t.Parallel()
	f := fixture{aPackage(), odd()}
	one, w1, _ := f.write(t)
	two, w2, _ := f.write(t)
	if !bytes.Equal(one, two) || w1.Digest != w2.Digest {
		t.Fatal("two writings of the same package differ")
	}
}

func TestDigestsAreOfTheBytes(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, size := range []int{0, 1, 511, 512, 513, 64*mib - 4096, 64*mib - 1024, 64 * mib, 130 * mib} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			big := make([]byte, size)
			for i := 0; i < len(big); i += 97 {
				big[i] = byte(i)
			}
			out, w, members := fixture{aPackage(), map[string]string{"a": "first", "big": string(big), "z": "last"}}.write(t)
			if w.Size != int64(len(out)) || w.Digest != sum(out) {
				t.Errorf("size %d digest %s, want %d %s", w.Size, w.Digest, len(out), sum(out))
			}
			var segments []opsdb.Digest
			for at := 0; at < len(out); at += opsdb.SegmentSize {
				segments = append(segments, sum(out[at:min(at+opsdb.SegmentSize, len(out))]))
			}
			if fmt.Sprint(w.Segments) != fmt.Sprint(segments) {
				t.Errorf("segments %v, want %v", w.Segments, segments)
			}
			for _, m := range members {
				if got := sum(out[m.Offset : m.Offset+m.Size]); got != m.Digest {
					t.Errorf("member %s at %d: %s, want %s", m.Path, m.Offset, got, m.Digest)
				}
			}
		})
	}
}

// TestEverybodyCanCheck unpacks with the tar and checks with the sha256sum of the machine.
func TestEverybodyCanCheck(t *testing.T) {
	t.Parallel()
	f := fixture{aPackage(), odd()}
	out, w, members := f.write(t)
	dir := t.TempDir()
	run := func(in string, stdin []byte, name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Stdin = in, bytes.NewReader(stdin)
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, text)
		}
		return string(text)
	}
	run(dir, out, "tar", "xf", "-")
	top := filepath.Join(dir, f.pkg.Name)
	checked := run(top, nil, "sha256sum", "--strict", "-c", bag.Manifest)
	if n := strings.Count(checked, ": OK\n"); n != len(f.files) {
		t.Errorf("sha256sum checked %d of %d files", n, len(f.files))
	}
	run(top, nil, "sha256sum", "--strict", "-c", bag.TagManifest)
	manifest, err := os.ReadFile(filepath.Join(top, bag.Manifest))
	if err != nil || sum(manifest) != w.Manifest {
		t.Errorf("manifest digest: %v", err)
	}
	for _, m := range members {
		st, err := os.Stat(filepath.Join(top, m.Name))
		if err != nil {
			t.Fatal(err)
		}
		if !st.ModTime().Equal(modTime) || st.Mode() != 0o644 {
			t.Errorf("%s: %s %s", m.Name, st.ModTime(), st.Mode())
		}
	}
}

func TestReadBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	f := fixture{aPackage(), odd()}
	out, w, members := f.write(t)
	r := bag.NewReader(bytes.NewReader(out), "")
	r.KeepNames()
	digests := map[string]opsdb.Digest{}
	for i := 0; ; i++ {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		m := members[i]
		if e.Name != m.Name || e.Offset != m.Offset || e.Size != m.Size || !e.ModTime.Equal(m.ModTime) {
			t.Errorf("entry %+v, member %+v", e, m)
		}
		if digests[e.Name], err = r.Digest(); err != nil || digests[e.Name] != m.Digest {
			t.Errorf("%s: %s %v", e.Name, digests[e.Name], err)
		}
	}
	if r.ManifestDigest() != w.Manifest || len(digests) != len(f.files) || r.Top() != f.pkg.Name {
		t.Errorf("manifest %s, %d members, top %s", r.ManifestDigest(), len(digests), r.Top())
	}
	for name := range digests {
		path, ok := r.Names()[name]
		if !ok {
			path = bag.PathOf(name)
		}
		if _, there := f.files[path]; !there || ok != bag.Renamed(name) {
			t.Errorf("%s leads to %q", name, path)
		}
	}
	p := r.Package()
	if p.ID != f.pkg.ID || p.Observation != f.pkg.Observation || p.Instrument != f.pkg.Instrument || p.Number != 7 || fmt.Sprint(p.Tags) != fmt.Sprint(f.pkg.Tags) || !p.MadeAt.Equal(f.pkg.MadeAt) {
		t.Errorf("package read back: %+v", p)
	}
}

func TestAMemberThatFailsIsNamed(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() (bag.Content, error){
		"not there": func() (bag.Content, error) { return nil, os.ErrNotExist },
		"too short": func() (bag.Content, error) { return io.NopCloser(strings.NewReader("ab")), nil },
		"changed":   func() (bag.Content, error) { return changing{strings.NewReader("abc")}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fixture{aPackage(), map[string]string{"a": "abc", "b": "abc"}}
			job := f.job(func(opsdb.Member) error { return nil })
			whole := job.Open
			job.Open = func(ctx context.Context, m opsdb.Member) (bag.Content, error) {
				if m.Path == "b" {
					return open()
				}
				return whole(ctx, m)
			}
			_, err := bag.Write(t.Context(), io.Discard, job)
			if me := new(bag.MemberError); !errors.As(err, &me) || me.Member.Path != "b" {
				t.Fatalf("got %v", err)
			}
		})
	}
}

type changing struct{ io.Reader }

var errOther = errors.New("it changed")

func (changing) Close() error { return errOther }

func TestWritingEndsWhenItMust(t *testing.T) {
	t.Parallel()
	f := fixture{aPackage(), map[string]string{"a": strings.Repeat("x", 40<<20)}}
	quiet := func(opsdb.Member) error { return nil }
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		if _, err := bag.Write(t.Context(), failing{}, f.job(quiet)); !errors.Is(err, errOther) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("recording fails", func(t *testing.T) {
		t.Parallel()
		if _, err := bag.Write(t.Context(), io.Discard, f.job(func(opsdb.Member) error { return errOther })); !errors.Is(err, errOther) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		job := f.job(quiet)
		job.Open = func(context.Context, opsdb.Member) (bag.Content, error) {
			cancel()
			return io.NopCloser(endless{}), nil
		}
		if _, err := bag.Write(ctx, io.Discard, job); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	})
	for _, path := range []string{"../out", "/abs", "a//b", "a/./b", "", "nul\x00"} {
		t.Run("path "+opsdb.ShowPath(path), func(t *testing.T) {
			t.Parallel()
			_, err := bag.Write(t.Context(), io.Discard, fixture{aPackage(), map[string]string{path: ""}}.job(quiet))
			if me := new(bag.MemberError); !errors.As(err, &me) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errOther }

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// TestManyMembers writes a bag of many members without holding them.
func TestManyMembers(t *testing.T) {
	const count = 30_000
	f := fixture{pkg: aPackage()}
	job := f.job(func(opsdb.Member) error { return nil })
	var most uint64
	job.Members = func(yield func(opsdb.Member, error) bool) {
		for i := range count {
			if i%10_000 == 0 {
				most = max(most, heap())
			}
			if !yield(opsdb.Member{Path: fmt.Sprintf("obs1/%s%06d\n", strings.Repeat("x", 200), i), ModTime: modTime}, nil) {
				return
			}
		}
	}
	job.Open = func(context.Context, opsdb.Member) (bag.Content, error) {
		return io.NopCloser(strings.NewReader("")), nil
	}
	before := heap()
	w, err := bag.Write(t.Context(), io.Discard, job)
	if err != nil || w.Files != count {
		t.Fatalf("%d files, %v", w.Files, err)
	}
	// All chunks of the pipe are 8 MiB; the lines of the manifest alone would be as much.
	if grown := int64(max(most, heap())) - int64(before); grown > 12<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
