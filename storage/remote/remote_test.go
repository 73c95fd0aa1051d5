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
	"time"

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

// lost: what runs when the connection breaks fails as the link's, and the next call makes a new one.
func lost(t *testing.T, s *site) {
	a := storagetest.NewAttempt()
	storagetest.WritePart(t, s.near, a, storagetest.Bytes(256<<20, 1))
	_, err := s.far.ReadPart(t.Context(), a, func(string, int64) { s.Break() })
	if f := stages.FailureOf(err); !errors.Is(err, storage.ErrUnreachable) || f.Class != opsdb.Environment || f.Subject != "link:ccat>cologne" {
		t.Errorf("read: %v, classified %+v", err, f)
	}
	for range 3 {
		if _, err := s.far.PartSize(t.Context(), a); err != nil {
			t.Errorf("after the loss: %v", err)
		}
		if s.Break() == 0 {
			t.Error("no connection to break")
		}
	}
	s.Break()
	s.Stop()
	_, err = s.far.PartSize(t.Context(), a)
	if f := stages.FailureOf(err); f.Reason != ssh.Unreachable || f.Subject != "link:ccat>cologne" {
		t.Errorf("without sshd: %v, classified %+v", err, f)
	}
	s.Start()
	if _, err := s.far.PartSize(t.Context(), a); err != nil {
		t.Errorf("with sshd again: %v", err)
	}
}

func idle(t *testing.T, s *site) {
	s.options.Idle, s.options.Ping = 50*time.Millisecond, 10*time.Millisecond
	s.again(t)
	if _, err := s.agent.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	storagetest.Await(t, "an idle connection ends", func() bool { return strings.Contains(s.Log(), "Disconnected from user") })
	if h, err := s.agent.Hello(t.Context()); err != nil || h.Protocol != remote.Protocol || h.Version == "" {
		t.Errorf("hello %+v, %v", h, err)
	}
}

func linkFailures(t *testing.T, s *site) {
	check := func(name string, class opsdb.FailureClass, reason string) {
		t.Helper()
		s.again(t)
		_, err := s.far.Check(t.Context())
		f := stages.FailureOf(err)
		if !errors.Is(err, storage.ErrUnreachable) || f.Class != class || f.Reason != reason || f.Text == "" {
			t.Errorf("%s: %v, classified %+v", name, err, f)
		}
	}
	good := s.options
	s.ShutOut()
	check("login refused", opsdb.Environment, ssh.Login)
	s.LetIn("")
	s.Stop()
	s.OtherHostKey()
	s.Start()
	check("another host key", opsdb.Environment, ssh.HostKey)
	s.Know()
	s.options.Program = "/none/dtctl"
	check("no agent", opsdb.BadConfig, ssh.NoProgram)
	s.options = good
	s.options.Host.Program = "/none/ssh"
	check("no ssh", opsdb.BadConfig, ssh.NoProgram)
	s.options = good
	s.options.Host.Name = "none.invalid"
	check("no such host", opsdb.Environment, ssh.Unreachable)
	s.options = good
	s.Stop()
	check("no sshd", opsdb.Environment, ssh.Unreachable)
	s.Start()
	s.again(t)
	if _, err := s.far.Check(t.Context()); err != nil {
		t.Errorf("when all is well again: %v", err)
	}
}

// wrongAgents: programs that are no agent, or one of another version.
func wrongAgents(t *testing.T, s *site) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"another protocol": `echo '{"cdt_agent":99,"version":"9.9"}'; cat`,
		"no agent":         "echo 'unknown verb' >&2; exit 2",
		"babbles":          "yes",
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_"))
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.options.Program = path
		s.again(t)
		if _, err := s.far.Check(t.Context()); stages.FailureOf(err).Class != opsdb.BadConfig || !strings.Contains(err.Error(), "install the same dtctl") {
			t.Errorf("%s: %v", name, err)
		}
	}
	silent := filepath.Join(dir, "silent")
	if err := os.WriteFile(silent, []byte("#!/bin/sh\ncat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.options.Program, s.options.Begin = silent, time.Second
	s.again(t)
	if _, err := s.far.Check(t.Context()); !errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("silent: %v", err)
	}
}

// forced: a key that may do nothing but what the agent is for.
func forced(t *testing.T, s *site) {
	s.LetIn(`restrict,command="` + s.options.Program + ` agent forced --root ` + s.root + ` --program rsync"`)
	if _, err := s.far.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	other := s.place
	other.Root = t.TempDir()
	if _, err := remote.NewDisk(s.agent, other).Check(t.Context()); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("another root: %v", err)
	}
	if v, err := s.agent.ProgramVersion(t.Context(), "rsync"); err != nil || !strings.HasPrefix(v, "rsync ") {
		t.Errorf("version %q, %v", v, err)
	}
	if _, err := s.agent.ProgramVersion(t.Context(), "sh"); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("version of sh: %v", err)
	}
	d := s.options.Program
	for _, bad := range [][]string{{"id"}, {d, "status"}, {d, "agent", "exec", "a", "--", "sh"}, {d, "agent", "exec", "a", "--", "rsync", "--server", ".", s.root + "/x"}, {d, "agent", "exec", "a", "--", "rsync", "--server", "--sender", ".", s.root + "/.part/x"}, {d, "agent", "exec", "a", "--", "rsync", "--server", ".", s.root + "/.part/../../x"}} {
		var said ssh.Tail
		cmd := s.options.Host.Command(t.Context(), bad...)
		cmd.Stderr = &said
		if err := ssh.Run(t.Context(), cmd); ssh.ExitCode(err) != 1 || !strings.Contains(said.String(), "agent only") {
			t.Errorf("%q: %v, %s", bad, err, said.String())
		}
	}
}

// kill: nothing of an attempt runs when Kill returns, and nothing when the connection breaks.
func kill(t *testing.T, s *site) {
	for name, end := range map[string]func(a storage.Attempt) error{
		"killed": func(a storage.Attempt) error { return s.far.Kill(t.Context(), a) },
		"cut": func(storage.Attempt) error {
			s.Break()
			return nil
		},
	} {
		a := storagetest.NewAttempt()
		path := filepath.Join(t.TempDir(), "written")
		script := filepath.Join(t.TempDir(), "writer")
		// It does not listen, leaves its session and goes on writing.
		text := "#!/bin/sh\ntrap '' TERM HUP PIPE\nsetsid sh -c 'trap \"\" TERM HUP; while :; do echo x >>" + path + "; sleep 0.01; done' &\nwait\n"
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		p, err := ssh.Start(s.options.Host.Command(t.Context(), s.options.Program, "agent", "exec", a.Name(), "--", script))
		if err != nil {
			t.Fatal(err)
		}
		storagetest.Await(t, "the program writes", func() bool { return size(path) > 0 })
		if err := end(a); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "cut" { // the agent finds out by itself
			storagetest.Await(t, "the program has ended", func() bool { return len(storagetest.Busy(path)) == 0 })
		}
		if pids := storagetest.Busy(path); len(pids) > 0 {
			t.Errorf("%s: processes %v go on", name, pids)
		}
		_ = p.Wait()
	}
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
