package bag_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
)

// tarOf is a tar with the given entries and nothing else: that it ends is wrong, too.
func tarOf(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range entries {
		h.Mode, h.Format = 0o644, tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readAll(b []byte, top string) error {
	r := bag.NewReader(bytes.NewReader(b), top)
	r.KeepNames()
	for {
		if _, err := r.Next(); err != nil {
			return err
		}
	}
}

// Only regular files below the one top folder are taken (S10).
func TestAHostileTarIsRefused(t *testing.T) {
	t.Parallel()
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Size: 3} }
	for name, c := range map[string]struct {
		want    string
		entries []tar.Header
	}{
		"empty":            {"it ends after 0 members", nil},
		"traversal":        {`has a part ".."`, []tar.Header{file("top/data/../../etc/passwd")}},
		"absolute":         {`has a part ""`, []tar.Header{file("/top/data/a")}},
		"another folder":   {"is not below", []tar.Header{file("other/data/a")}},
		"no folder":        {"is not below", []tar.Header{file("a")}},
		"symlink":          {"is of type '2'", []tar.Header{{Typeflag: tar.TypeSymlink, Name: "top/data/a", Linkname: "/etc/passwd"}}},
		"hard link":        {"is of type '1'", []tar.Header{{Typeflag: tar.TypeLink, Name: "top/data/a", Linkname: "top/data/b"}}},
		"device":           {"is of type '3'", []tar.Header{{Typeflag: tar.TypeChar, Name: "top/data/a"}}},
		"FIFO":             {"is of type '6'", []tar.Header{{Typeflag: tar.TypeFifo, Name: "top/data/a"}}},
		"folder":           {"is of type '5'", []tar.Header{{Typeflag: tar.TypeDir, Name: "top/data/a/"}}},
		"no tag files":     {"it ends after 1 members", []tar.Header{file("top/data/a")}},
		"unknown tag file": {"does not belong there", []tar.Header{file("top/data/a"), file("top/evil.txt")}},
		"wrong bagit.txt":  {"bagit.txt says", []tar.Header{file("top/data/a"), file("top/bagit.txt")}},
		"extension":        {"has a record", []tar.Header{{Typeflag: tar.TypeReg, Name: "top/data/a", PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b"}}}},
		"huge tag file":    {"has 2097152 bytes", []tar.Header{{Typeflag: tar.TypeReg, Name: "top/bag-info.txt", Size: 2 << 20}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := readAll(tarOf(t, c.entries...), "top")
			if !errors.Is(err, bag.ErrMalformed) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A flipped bit anywhere but in padding and times is found, or changes what is read.
func TestEveryByteOfABagCounts(t *testing.T) {
	t.Parallel()
	f := fixture{aPackage(), map[string]string{"a": "alpha", "new\nline": "beta"}}
	out, w, members := f.write(t)
	for at := 0; at < len(out); at += 13 {
		bad := bytes.Clone(out)
		bad[at] ^= 0x10
		r := bag.NewReader(bytes.NewReader(bad), f.pkg.Name)
		same, err := sameMembers(r, members)
		if err == nil && same && r.ManifestDigest() != w.Manifest {
			t.Errorf("byte %d: nothing was noticed", at)
		}
		if err != nil && !errors.Is(err, bag.ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("byte %d: an error that says nothing of the format: %v", at, err)
		}
	}
}

func sameMembers(r *bag.Reader, members []opsdb.Member) (bool, error) {
	for i := 0; ; i++ {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return i == len(members), nil
		}
		if err != nil {
			return false, err
		}
		d, err := r.Digest()
		if err != nil || i >= len(members) || e.Name != members[i].Name || d != members[i].Digest {
			return false, err
		}
	}
}

func TestACutBagIsRefused(t *testing.T) {
	t.Parallel()
	out, _, _ := fixture{aPackage(), map[string]string{"a": strings.Repeat("x", 5000)}}.write(t)
	for _, n := range []int{0, 100, 600, 3000, 6000, len(out) - 2000} {
		if err := readAll(out[:n], ""); !errors.Is(err, bag.ErrMalformed) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	out := &bytes.Buffer{}
	fix := fixture{aPackage(), map[string]string{"a": "alpha", "b\n": "beta"}}
	if _, err := bag.Write(f.Context(), out, fix.job(func(opsdb.Member) error { return nil })); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bag.NewReader(bytes.NewReader(b), "")
		for {
			e, err := r.Next()
			if err != nil {
				return
			}
			if bag.CheckPath(e.Name) != nil || !strings.HasPrefix(e.Name, "data/") || e.Size < 0 {
				t.Fatalf("entry %+v", e)
			}
		}
	})
}

func sidecarOf(members []opsdb.Member) iter.Seq2[opsdb.Member, error] {
	return func(yield func(opsdb.Member, error) bool) {
		for _, m := range members {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func TestSidecarIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	f := fixture{aPackage(), odd()}
	_, w, members := f.write(t)
	f.pkg.Digest, f.pkg.Size, f.pkg.Segments, f.pkg.Manifest = w.Digest, w.Size, w.Segments, w.Manifest
	var text bytes.Buffer
	receipts := []opsdb.Receipt{{ID: "r1", Digest: w.Digest}}
	if err := bag.WriteSidecar(&text, bag.NewSidecar(f.pkg, "cologne.lta", "raw/x.tar", receipts), sidecarOf(members)); err != nil {
		t.Fatal(err)
	}
	var got []opsdb.Member
	head, err := bag.ReadSidecar(bytes.NewReader(text.Bytes()), func(m opsdb.Member) error { got = append(got, m); return nil })
	if err != nil || head.Digest != w.Digest || head.Location != "cologne.lta" || len(head.Receipts) != 1 || len(got) != len(members) {
		t.Fatalf("%+v, %d members, %v", head, len(got), err)
	}
	for i, m := range members {
		if got[i].Path != m.Path || got[i].Offset != m.Offset || got[i].Digest != m.Digest || got[i].Name != m.Name || !got[i].ModTime.Equal(m.ModTime) {
			t.Errorf("%+v became %+v", m, got[i])
		}
	}
	for cut := 0; cut < text.Len()-3; cut += 37 {
		if _, err := bag.ReadSidecar(bytes.NewReader(text.Bytes()[:cut]), func(opsdb.Member) error { return nil }); !errors.Is(err, bag.ErrMalformed) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestSidecarThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	quiet := func(opsdb.Member) error { return nil }
	for name, text := range map[string]string{
		"not an object": `[]`, "no members": `{"version":1}`, "of the future": `{"version":2,"members":[]}`,
		"members no list": `{"version":1,"members":{}}`, "wrong type": `{"version":"x","members":[]}`,
	} {
		if _, err := bag.ReadSidecar(strings.NewReader(text), quiet); !errors.Is(err, bag.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := bag.ReadSidecar(strings.NewReader(`{"version":1,"members":[{}]}`), func(opsdb.Member) error { return errOther }); !errors.Is(err, errOther) {
		t.Errorf("visitor's error: %v", err)
	}
	if err := bag.WriteSidecar(failing{}, bag.NewSidecar(aPackage(), "l", "p", nil), sidecarOf(make([]opsdb.Member, 1000))); !errors.Is(err, errOther) {
		t.Errorf("writer's error: %v", err)
	}
}
