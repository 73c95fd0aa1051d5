//go:build servers

package remote_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver"
	"github.com/ccatobs/cdt/transport/ssh"
)

const segment = 1000

// site is a host with a disk, as its own workers and as others see it.
type site struct {
	*testserver.SSHServer
	options remote.Options
	agent   *remote.Agent
	near    *disk.Disk
	far     *remote.Disk
	root    string
	place   remote.Place
}

func newSite(t *testing.T, dtctl string) *site {
	t.Helper()
	s := &site{SSHServer: testserver.SSH(t), root: filepath.Join(t.TempDir(), "root")}
	s.options = remote.Options{Link: "ccat>cologne", Program: dtctl, Host: ssh.Host{Name: s.Host, Port: s.Port, User: s.User, Key: s.Key, KnownHosts: s.KnownHosts}}
	var err error
	if s.near, err = disk.New("cologne.buffer", s.root, disk.Options{SegmentSize: segment}); err != nil {
		t.Fatal(err)
	}
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: "cologne.buffer"}
	if err := s.near.Init(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	s.place = remote.Place{Location: "cologne.buffer", Root: s.root, Marker: m.ID, Segment: segment}
	s.again(t)
	return s
}

// again makes a new client.
func (s *site) again(t *testing.T) {
	s.agent = remote.NewAgent(s.options)
	t.Cleanup(s.agent.Close)
	s.far = remote.NewDisk(s.agent, s.place)
}

func TestRemote(t *testing.T) {
	t.Parallel()
	dtctl := testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl")
	for name, run := range map[string]func(t *testing.T, s *site){
		"looks": looks, "parts": parts, "only there": onlyThere, "errors keep their meaning": errorsKept, "marker": marker,
		"cancel": cancelled, "connection lost": lost, "idle": idle, "link failures": linkFailures, "wrong agents": wrongAgents, "forced": forced, "kill": kill,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, newSite(t, dtctl))
		})
	}
}

func looks(t *testing.T, s *site) {
	b := storagetest.Bytes(3<<20, 1)
	storagetest.MustPut(t, s.near, "d/p.tar", b)
	want, err1 := s.near.Stat(t.Context(), "d/p.tar")
	got, err2 := s.far.Stat(t.Context(), "d/p.tar")
	if err1 != nil || err2 != nil || got.Size != want.Size || got.Identity != want.Identity || got.Path != want.Path || !got.ModTime.Equal(want.ModTime) || got.Mode != want.Mode {
		t.Errorf("stat %+v, %v; near %+v, %v", got, err2, want, err1)
	}
	var told int64
	r, err := s.far.Read(t.Context(), "d/p.tar", true, func(_ string, n int64) { told += n })
	if err != nil || r.Digest != storagetest.Digest(b) || told != int64(len(b)) {
		t.Errorf("read %d bytes, told %d, %v", r.Size, told, err)
	}
	for _, c := range []struct{ from, n, to int64 }{{0, -1, 3 << 20}, {5, 7, 12}, {2 << 20, -1, 3 << 20}, {3 << 20, -1, 3 << 20}, {0, 0, 0}} {
		in, err := s.far.Open(t.Context(), "d/p.tar", c.from, c.n)
		if err != nil {
			t.Fatal(err)
		}
		part, err := io.ReadAll(in)
		if err != nil || string(part) != string(b[c.from:c.to]) {
			t.Errorf("from %d, %d: %d bytes, %v", c.from, c.n, len(part), err)
		}
	}
	if h, err := s.far.Check(t.Context()); err != nil || h.Marker.ID != s.place.Marker || h.Free <= 0 {
		t.Errorf("check %+v, %v", h, err)
	}
	for i := range 1203 {
		if err := os.WriteFile(filepath.Join(s.root, "d", "dark"+strings.Repeat("x", i%50)+string(rune('a'+i/50))), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for i, err := range s.far.List(t.Context(), "d") {
		if n++; err != nil {
			t.Fatal(i, err)
		}
	}
	if n < 1000 {
		t.Errorf("listed %d", n)
	}
	for range s.far.List(t.Context(), "d") {
		break
	}
	if path, err := s.far.AbsPath(t.Context(), "d/p.tar"); err != nil || path != filepath.Join(s.root, "d/p.tar") {
		t.Errorf("absolute path %q, %v", path, err)
	}
}

func parts(t *testing.T, s *site) {
	a, b := storagetest.NewAttempt(), storagetest.Bytes(3*segment+1, 1)
	storagetest.WritePart(t, s.far, a, b)
	size, err := s.far.PartSize(t.Context(), a)
	r, err2 := s.far.ReadPart(t.Context(), a, nil)
	if err != nil || err2 != nil || size != int64(len(b)) || r.Digest != storagetest.Digest(b) || len(r.Segments) != 4 {
		t.Errorf("part of %d bytes, %+v, %v, %v", size, r, err, err2)
	}
	next := storagetest.Next(a)
	if err := s.far.CopyPart(t.Context(), a, next, 2*segment); err != nil {
		t.Fatal(err)
	}
	left, err := s.far.Leftovers(t.Context(), a.Task)
	if err != nil || len(left) != 2 || left[1] != next {
		t.Errorf("leftovers %v, %v", left, err)
	}
	if err := s.far.Discard(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if _, err := s.far.PartSize(t.Context(), next); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the discarded part: %v", err)
	}
	got, err := s.far.Settle(t.Context(), a, "p.tar", storage.Expect{Digest: storagetest.Digest(b), Size: int64(len(b))}, nil)
	if err != nil || got.Digest != storagetest.Digest(b) {
		t.Errorf("settled %+v, %v", got, err)
	}
	if trashed, err := s.far.Trashed(t.Context(), a.Task); err != nil || len(trashed) != 0 {
		t.Errorf("trashed %v, %v", trashed, err)
	}
}

// onlyThere: what changes a copy is for the workers of the site.
func onlyThere(t *testing.T, s *site) {
	ctx, a := t.Context(), storagetest.NewAttempt()
	_, put := s.far.Put(ctx, storage.Put{})
	_, moved := s.far.Quarantine(ctx, "p", a)
	_, held := s.far.Held(ctx, a)
	_, reclaimed := s.far.Reclaim(ctx, 0, nil)
	for i, err := range []error{put, moved, held, reclaimed, s.far.Init(ctx, opsdb.Marker{}, false), s.far.PutSmall(ctx, a, "p", nil), s.far.Trash(ctx, "p", a), s.far.Restore(ctx, a, "p"), s.far.Purge(ctx, a)} {
		if !errors.Is(err, storage.ErrElsewhere) || stages.FailureOf(err).Class != opsdb.Permanent {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func errorsKept(t *testing.T, s *site) {
	ctx := t.Context()
	_, err := s.far.Stat(ctx, "none")
	wants(t, err, fs.ErrNotExist)
	_, err = s.far.Stat(ctx, "../../etc/passwd")
	wants(t, err, storage.ErrOutside)
	if err := os.Symlink("/etc/passwd", filepath.Join(s.root, "link")); err != nil {
		t.Fatal(err)
	}
	_, err = s.far.AbsPath(ctx, "link")
	wants(t, err, storage.ErrIrregular)
	_, err = s.far.Open(ctx, "link", 0, 1)
	wants(t, err, storage.ErrIrregular)
	a := storagetest.NewAttempt()
	storagetest.WritePart(t, s.near, a, []byte("x"))
	_, err = s.far.Settle(ctx, a, "p.tar", storage.Expect{Digest: storagetest.Digest([]byte("y")), Size: 1}, nil)
	wants(t, err, storage.ErrMismatch)
	a.Epoch = "../../x"
	_, err = s.far.PartPath(ctx, a)
	if err == nil {
		t.Error("an attempt that leaves .part")
	}
}

func wants(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// marker (S9): a root that is empty or another's is offline or foreign, seen through the agent too.
func marker(t *testing.T, s *site) {
	other := s.place
	other.Marker = opsdb.NewID()
	_, err := remote.NewDisk(s.agent, other).Check(t.Context())
	wants(t, err, storage.ErrForeign)
	other.Marker = ""
	_, err = remote.NewDisk(s.agent, other).Check(t.Context())
	wants(t, err, storage.ErrOffline)
	if err := os.Rename(s.root, s.root+".unmounted"); err != nil {
		t.Fatal(err)
	}
	_, err = s.far.Stat(t.Context(), "p.tar")
	wants(t, err, storage.ErrOffline)
}

func cancelled(t *testing.T, s *site) {
	a, b := storagetest.NewAttempt(), storagetest.Bytes(64<<20, 1)
	storagetest.WritePart(t, s.near, a, b)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.far.ReadPart(ctx, a, func(string, int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if _, err := s.far.ReadPart(ctx, a, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("read after the cancel: %v", err)
	}
	if _, err := s.far.PartSize(t.Context(), a); err != nil {
		t.Errorf("the connection is of no use afterwards: %v", err)
	}
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
