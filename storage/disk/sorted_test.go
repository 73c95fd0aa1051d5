package disk

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keysOf are keys as a directory of so many entries has them, in no order.
func keysOf(n int) []string {
	random := rand.New(rand.NewPCG(1, uint64(n))) //nolint:gosec // repeatable on purpose
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s-%06d", strings.Repeat("ab\xff\n", random.IntN(4)), i)
		if i%7 == 0 {
			out[i] += "/"
		}
	}
	random.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestKeysAreSortedWithinTheirMemory(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 10, 1000, 20_000} {
		names := keysOf(n)
		k := &keys{limit: 16 << 10}
		defer k.close()
		for _, name := range names {
			if err := k.add(name); err != nil {
				t.Fatal(err)
			}
			if k.bytes > k.limit {
				t.Fatalf("%d bytes are held, %d may be", k.bytes, k.limit)
			}
		}
		if spilled := k.file != nil; spilled != (n >= 1000) {
			t.Fatalf("%d keys: in a file: %v", n, spilled)
		}
		var got []string
		for key, err := range k.all() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, key)
		}
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Errorf("%d keys: %d came, or in another order", n, len(got))
		}
	}
}

func TestKeysEndWithTheirReader(t *testing.T) {
	t.Parallel()
	k := &keys{limit: 4 << 10}
	defer k.close()
	for _, name := range keysOf(2000) {
		if err := k.add(name); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for _, err := range k.all() {
		if seen++; err != nil || seen == 3 {
			break
		}
	}
	if seen != 3 {
		t.Errorf("%d keys were read, 3 were wanted", seen)
	}
}

// A spool that cannot be read is an error, not a folder with fewer files.
func TestKeysTellALostSpool(t *testing.T) {
	t.Parallel()
	k := &keys{limit: 4 << 10}
	for _, name := range keysOf(2000) {
		if err := k.add(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.file.Truncate(k.size / 2); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range k.all() {
		last = err
	}
	if last == nil {
		t.Error("half of the spool is gone, and nothing was said")
	}
	k.close()
	for _, err := range k.all() {
		last = err
	}
	if last == nil {
		t.Error("the spool is closed, and nothing was said")
	}
}

// What the directory tells of its entries is what stat says.
func TestNamesOfADirectory(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	want := map[string]bool{"folder": true, "link": false, strings.Repeat("x", 255): false, "a\nb\xff": false}
	for i := range 3000 {
		want[fmt.Sprintf("file%05d", i)] = false
	}
	for name, isDir := range want {
		path, err := filepath.Join(root, name), error(nil)
		switch {
		case isDir:
			err = os.Mkdir(path, 0o755)
		case name == "link":
			err = os.Symlink("folder", path)
		default:
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	d := &dir{f}
	defer d.close()
	err = eachName(d, func(e named) error {
		isDir, known := want[e.name]
		if !known || isDir != e.dir || d.holds(e.name) != isDir {
			t.Errorf("%q is told as a folder: %v, %v by stat", e.name, e.dir, d.holds(e.name))
		}
		delete(want, e.name)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("%d entries were not told: %v", len(want), err)
	}
	for _, bad := range [][]byte{make([]byte, 10), append(make([]byte, 16), 5, 0, 0, 0)} {
		if err := d.parse(bad, func(named) error { return nil }); err == nil {
			t.Errorf("%v was taken for entries", bad)
		}
	}
}
