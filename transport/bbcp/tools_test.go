package bbcp_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/transport/bbcp"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "agent" && os.Args[2] == "take" { // as dtctl, called by bbcp
		if err := bbcp.Take(context.Background(), os.Stdin, os.Args[3]); err != nil {
			fmt.Fprintf(os.Stderr, "%v (agent take)\n", err)
			os.Exit(1) //nolint:forbidigo // this process stands for dtctl
		}
		return
	}
	m.Run()
	if fake.dir != "" {
		_ = os.RemoveAll(fake.dir)
	}
}

// fake is the stand-in, built once.
var fake struct {
	once sync.Once
	dir  string
	err  error
}

// tool is a bbcp to be driven.
type tool struct {
	name, path string
	real       bool
}

// standIn is bbcpfake.
func standIn(t testing.TB) tool {
	t.Helper()
	fake.once.Do(func() {
		if fake.dir, fake.err = os.MkdirTemp("", "bbcpfake"); fake.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", filepath.Join(fake.dir, "bbcp"), "./bbcpfake").CombinedOutput()
		if err != nil {
			fake.err = fmt.Errorf("build the stand-in: %w: %s", err, out)
		}
	})
	if fake.err != nil {
		t.Fatal(fake.err)
	}
	return tool{name: "stand-in", path: filepath.Join(fake.dir, "bbcp")}
}

// tools are the stand-in and, if it is on PATH, the real bbcp.
func tools(t testing.TB) []tool {
	all := []tool{standIn(t)}
	if path, err := exec.LookPath("bbcp"); err == nil {
		version, err := bbcp.Version(context.Background(), path)
		if err != nil {
			t.Fatalf("the bbcp on PATH: %v", err)
		}
		t.Logf("also with %s, version %s", path, version)
		all = append(all, tool{name: "real", path: path, real: true})
	} else {
		t.Log("no bbcp on PATH: with the stand-in only")
	}
	return all
}

// each runs a test with every tool there is.
func each(t *testing.T, run func(t *testing.T, b tool)) {
	t.Helper()
	for _, b := range tools(t) {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			run(t, b)
		})
	}
}

const quick = "quick"

// options drive the tool between two disks of this machine; the stand-in misbehaves as said.
func (b tool) options(mischief ...string) bbcp.Options {
	return bbcp.Options{
		Link: "ccat>cologne", Program: b.path, RemoteProgram: b.path,
		Environment: []string{"BBCP_FAKE=" + strings.Join(append(mischief, quick), ",")},
	}
}

func (b tool) transport(t *testing.T, opts bbcp.Options) *bbcp.Transport {
	t.Helper()
	tr, err := bbcp.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// diskAt is an empty disk with its marker; segment is what one digest covers.
func diskAt(t testing.TB, location, root string, segment int64) *disk.Disk {
	t.Helper()
	d, err := disk.New(location, root, disk.Options{SegmentSize: segment})
	if err != nil {
		t.Fatal(err)
	}
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: location}
	if err := d.Init(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	return d
}

var _ storage.PartSizer = (*disk.Disk)(nil)
