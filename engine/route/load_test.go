package route_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
)

const aSite = "sites: {%s: {locations: {x: {type: buffer, disk: {path: /x}}}}}\n"

func load(path string) (*route.Set, *diag.List) {
	return route.Load(path, route.Options{Env: noEnv, StageTypes: stageTypes()})
}

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// codes are the places and codes of all problems, one a line.
func codes(dir string, list *diag.List) string {
	var out strings.Builder
	for _, p := range list.Problems() {
		at := p.Place.String()
		if dir != "" {
			at = strings.TrimPrefix(at, dir+"/")
		}
		fmt.Fprintf(&out, "%s %s\n", at, p.Code)
	}
	return out.String()
}

func TestLoadFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"b.yaml": fmt.Sprintf(aSite, "b"), "a.yml": fmt.Sprintf(aSite, "a"),
		".hidden.yaml": "no: routes", "raw.test.yaml": "facts: []", "README.md": "# no routes", "empty.yaml": "# nothing\n",
	})
	if err := os.Mkdir(filepath.Join(dir, "folder.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("b.yaml", filepath.Join(dir, "..not")); err != nil {
		t.Fatal(err)
	}
	set, list := load(dir)
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	if len(set.Sites) != 2 || set.Sites[0].Name != "a" || set.Sites[1].At.String() != dir+"/b.yaml:1:9" {
		t.Errorf("sites are %+v", set.Sites)
	}
	if len(set.Files) != 3 {
		t.Errorf("files are %v", set.Files)
	}
}

// A folder as Kubernetes mounts it: links that stay inside are followed.
func TestLoadFollowsLinksInside(t *testing.T) {
	t.Parallel()
	dir := folder(t, nil)
	for _, err := range []error{
		os.Mkdir(filepath.Join(dir, "..data"), 0o700),
		os.WriteFile(filepath.Join(dir, "..data", "a.yaml"), fmt.Appendf(nil, aSite, "a"), 0o600),
		os.Symlink("..data/a.yaml", filepath.Join(dir, "a.yaml")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	set, list := load(dir)
	if list.Failed() || len(set.Sites) != 1 {
		t.Errorf("sites are %v, problems %v", set.Sites, list.Problems())
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(folder(t, map[string]string{"o.yaml": fmt.Sprintf(aSite, "o")}), "o.yaml")
	dir := folder(t, map[string]string{
		"good.yaml":  fmt.Sprintf(aSite, "a"),
		"wrong.yaml": fmt.Sprintf(aSite, "B"),
		"large.yaml": strings.Repeat("# large\n", 1<<18),
	})
	for _, err := range []error{
		os.Symlink(outside, filepath.Join(dir, "outside.yaml")),
		os.Symlink("../../../../../../etc/passwd", filepath.Join(dir, "up.yaml")),
		os.Symlink("missing", filepath.Join(dir, "dangling.yaml")),
		syscall.Mkfifo(filepath.Join(dir, "fifo.yaml"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	set, list := load(dir)
	want := "dangling.yaml CDT0101\nfifo.yaml CDT0101\nlarge.yaml CDT0102\noutside.yaml CDT0101\nup.yaml CDT0101\nwrong.yaml:1:9 CDT0126\n"
	if got := codes(dir, list); got != want {
		t.Errorf("problems are\n%s\nand should be\n%s", got, want)
	}
	if len(set.Sites) != 1 || set.Sites[0].Name != "a" {
		t.Errorf("the good file gives %v", set.Sites)
	}
}

// Of a file of 100 MB no more is read than a file may have.
func TestLoadRefusesHugeFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"huge.yaml": "sites: {}\n"})
	if err := os.Truncate(filepath.Join(dir, "huge.yaml"), 100<<20); err != nil {
		t.Fatal(err)
	}
	set, list := load(filepath.Join(dir, "huge.yaml"))
	if codes(dir, list) != "huge.yaml CDT0102\n" {
		t.Errorf("problems are %v", list.Problems())
	}
	if n := len(set.Files[0].Text); n > 2<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

func TestLoadNothing(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"missing": filepath.Join(t.TempDir(), "missing"),
		"empty":   t.TempDir(),
		"fifo":    fifo(t),
	} {
		_, list := load(path)
		p := list.Problems()
		if len(p) != 1 || p[0].Place.File != path {
			t.Errorf("%s: problems are %v", name, p)
		}
	}
}

func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A syntax error in one file leaves the others checked, in any order.
func TestAllFilesAreChecked(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.yaml": "sites: [", "b.yaml": "sits: {}", "c.yaml": "links: [{from: a, to: 1}]"})
	_, list := load(dir)
	want := "a.yaml:1:8 CDT0104\nb.yaml:1:1 CDT0114\nc.yaml:1:9 CDT0116\nc.yaml:1:23 CDT0117\n"
	if got := codes(dir, list); got != want {
		t.Errorf("problems are\n%s\nand should be\n%s", got, want)
	}
}

// F3: however the parts are spread over files, and in whatever order these are
// read, the set is the same but for places.
func TestAnyOrderOfFiles(t *testing.T) {
	t.Parallel()
	ccat, err := os.ReadFile("../../routes/ccat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	whole := parse(t, ccat)
	parts := strings.SplitAfter(string(ccat), "\n\n")
	if len(parts) != 4 {
		t.Fatalf("the routes have %d parts", len(parts))
	}
	for _, names := range [][]string{{"a", "b", "c", "d"}, {"d", "c", "b", "a"}, {"c", "a", "d", "b"}} {
		files := map[string][]byte{}
		for i, part := range parts {
			files[names[i]+".yaml"] = []byte(part)
		}
		set, list := route.Parse(files, route.Options{Env: noEnv, StageTypes: stageTypes()})
		if err := list.Err(); err != nil {
			t.Fatal(err)
		}
		same := cmp.Options{
			cmpopts.IgnoreTypes(diag.Place{}, []route.File{}),
			cmpopts.IgnoreUnexported(route.Text{}, route.Fields{}),
		}
		if diff := cmp.Diff(whole, set, same); diff != "" {
			t.Errorf("as %v: %s", names, diff)
		}
	}
}

func TestTooManyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 1001 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yaml", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, list := load(dir); codes("", list) != dir+" CDT0102\n" {
		t.Errorf("problems are %v", list.Problems())
	}
}

func TestReadFS(t *testing.T) {
	t.Parallel()
	files, err := route.ReadFS(fstest.MapFS{"a.yaml": {Data: []byte("x")}, "b.txt": {Data: []byte("y")}})
	if err != nil || len(files) != 1 || !bytes.Equal(files["a.yaml"], []byte("x")) {
		t.Errorf("files are %v, %v", files, err)
	}
	if _, err := route.ReadFS(os.DirFS(filepath.Join(t.TempDir(), "missing"))); err == nil {
		t.Error("a missing folder is read")
	}
	if _, err := route.ReadFS(fstest.MapFS{"a.yaml": {Mode: fs.ModeDir}}); err == nil {
		t.Error("a folder is read as a file")
	}
}

// The digest of the same routes is the same in any folder, and that of others differs.
func TestDigest(t *testing.T) {
	t.Parallel()
	digest := func(files map[string]string) [32]byte {
		set, _ := load(folder(t, files))
		return set.Digest()
	}
	a := digest(map[string]string{"a.yaml": "x", "b.yaml": "y"})
	if b := digest(map[string]string{"a.yaml": "x", "b.yaml": "y"}); a != b {
		t.Error("the folder counts")
	}
	if b := digest(map[string]string{"a.yaml": "xb.yamly"}); a == b {
		t.Error("texts run into each other")
	}
}
