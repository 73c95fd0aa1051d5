//go:build servers

package bbcp_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/testserver"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/ssh"
)

// far is a world whose target is reached over ssh only.
type far struct {
	*world
	sshd  *testserver.SSHServer
	disk  *remote.Disk
	dtctl string
}

func newFar(t *testing.T, b tool, mischief ...string) *far {
	t.Helper()
	f := &far{world: newWorld(t, b, mischief...), sshd: testserver.SSH(t), dtctl: testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl")}
	f.opts.Host = ssh.Host{Name: f.sshd.Host, Port: f.sshd.Port, User: f.sshd.User, Key: f.sshd.Key, KnownHosts: f.sshd.KnownHosts}
	f.opts.Agent = f.dtctl
	h, err := f.target.Check(t.Context())
	must(t, err)
	agent := remote.NewAgent(remote.Options{Link: "ccat>cologne", Program: f.dtctl, Host: f.opts.Host})
	t.Cleanup(agent.Close)
	f.disk = remote.NewDisk(agent, remote.Place{Location: "cologne.buffer", Root: f.to, Marker: h.Marker.ID, Segment: segment})
	return f
}

// item is one whose target is at the other end.
func (f *far) item(path string, n int) transport.Item {
	it := f.world.item(path, n)
	it.Target = f.disk
	return it
}

// TestOverSSH drives a link whose other end is reached by sshd and the agent, as a worker does.
func TestOverSSH(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		run  func(f *far)
	}{
		{"many in one call, and one that goes on", func(f *far) {
			calls := f.log("")
			var items []transport.Item
			for i := range 60 {
				items = append(items, f.item(fmt.Sprintf("p%d.tar", i), 1000*i))
			}
			half := f.item("half.tar", 5*segment)
			content, err := os.ReadFile(filepath.Join(f.from, half.Path))
			must(f.t, err)
			must(f.t, os.WriteFile(f.part(half), content[:4*segment-1], 0o200))
			items = append(items, again(half))
			for i, err := range f.send(items...) {
				must(f.t, err)
				f.arrived(items[i])
			}
			if n := len(calls()); n != 2 || !strings.Contains(calls()[0], fmt.Sprintf("seek=%d", 3*segment)) {
				f.t.Errorf("%d calls: %q", n, calls())
			}
		}},
		{"the other end calls this one by its name, on ports of the link", func(f *far) {
			f.opts.Reverse, f.opts.SourceHost, f.opts.Ports = true, "127.0.0.1", "47301:47380"
			it, other := f.item("p.tar", 3*mb), f.item("q.tar", 10)
			for _, err := range f.send(it, other) {
				must(f.t, err)
			}
			f.arrived(it)
			f.arrived(other)
		}},
		{"from the other end, driven by the destination", func(f *far) {
			it := f.world.item("p.tar", 3*mb)
			source, err := f.source.Check(f.t.Context())
			must(f.t, err)
			agent := remote.NewAgent(remote.Options{Link: "ccat>cologne", Program: f.dtctl, Host: f.opts.Host})
			f.t.Cleanup(agent.Close)
			it.Source = remote.NewDisk(agent, remote.Place{Location: "ccat.buffer", Root: f.from, Marker: source.Marker.ID, Segment: segment})
			f.opts.SourceHost = "127.0.0.1"
			must(f.t, f.send(it)[0])
			f.arrived(it)
		}},
		{"a cancel ends both ends", func(f *far) {
			it := f.item("p.tar", 16*mb)
			ctx, cancel := context.WithCancel(f.t.Context())
			defer cancel()
			f.opts.Rate = 2 * mb
			go func() {
				until(f.t, "some bytes", func() bool { info, err := os.Stat(f.part(it)); return err == nil && info.Size() > mb })
				cancel()
			}()
			if errs := f.sendWith(ctx, it); !errors.Is(errs[0], context.Canceled) {
				f.t.Errorf("error %v", errs[0])
			}
			f.opts.Rate = 0
			next := again(it)
			must(f.t, f.send(next)[0])
			f.arrived(next)
		}},
		{"sink stopped at the other end: the watchdog ends it there", func(f *far) {
			it := f.item("p.tar", 16*mb)
			f.opts.Stall = 10 * time.Second
			err := f.during(it, 2*mb, mb, func() {
				for _, p := range processesOf(it, "SNK") {
					_ = syscall.Kill(p.pid, syscall.SIGSTOP)
				}
			})
			f.wants(err, opsdb.Environment, "link:ccat>cologne", "stalled", "no bytes moved for ")
		}},
		{"connection lost on the way", func(f *far) {
			it, other := f.item("p.tar", 16*mb), f.item("q.tar", 100)
			f.opts.Rate = 2 * mb
			done := make(chan struct{})
			go func() {
				defer close(done)
				until(f.t, "some bytes", func() bool { info, err := os.Stat(f.part(it)); return err == nil && info.Size() > mb })
				f.sshd.Break()
			}()
			errs := f.b.transport(f.t, f.opts).Send(f.t.Context(), []transport.Item{it, other}, nil)
			<-done
			// Both ends are on one host here: the agent that sees its connection gone may end the sender too, before that can say why.
			ended := errs[0] != nil && strings.Contains(errs[0].Error(), "signal: terminated")
			for i, err := range errs {
				if err == nil {
					if i == 0 || !ended {
						f.t.Errorf("item %d arrived", i)
					}
					continue
				}
				if class := stages.FailureOf(err); !ended && (class.Class != opsdb.Environment || class.Subject != "link:ccat>cologne") {
					f.t.Errorf("error %v, %+v", err, class)
				}
			}
			until(f.t, "the other end is ended", func() bool { return len(processesOf(it, "SNK")) == 0 })
			f.opts.Rate = 0
			next := again(it)
			must(f.t, f.send(next)[0])
			f.arrived(next)
		}},
		{"ssh refused", func(f *far) {
			it := f.item("p.tar", 100)
			f.opts.Host.Port = testserver.Port(f.t)
			f.wants(f.send(it)[0], opsdb.Environment, "link:ccat>cologne", "unreachable", "Connection refused")
		}},
		{"login refused", func(f *far) {
			it := f.item("p.tar", 100)
			must(f.t, f.disk.Discard(f.t.Context(), it.Attempt)) // the agent is connected already
			f.sshd.ShutOut()
			f.wants(f.send(it)[0], opsdb.Environment, "link:ccat>cologne", "login_refused", "Permission denied")
		}},
		{"another host key", func(f *far) {
			it := f.item("p.tar", 100)
			known := filepath.Join(f.t.TempDir(), "known")
			other := testserver.SSH(f.t)
			b, err := os.ReadFile(other.KnownHosts)
			must(f.t, err)
			line := strings.Replace(string(b), strconv.Itoa(other.Port), strconv.Itoa(f.sshd.Port), 1)
			must(f.t, os.WriteFile(known, []byte(line), 0o600))
			f.opts.Host.KnownHosts = known
			f.wants(f.send(it)[0], opsdb.Environment, "link:ccat>cologne", "host_key", "known_hosts")
		}},
		{"no remote bbcp", func(f *far) {
			f.opts.RemoteProgram = "/nonexistent/bbcp"
			f.wants(f.send(f.item("p.tar", 100))[0], opsdb.BadConfig, "", "no_program", "remote_program")
		}},
		{"no agent at the other end", func(f *far) {
			f.opts.Agent = "/nonexistent/dtctl"
			f.wants(f.send(f.item("p.tar", 100))[0], opsdb.BadConfig, "", "no_program", "bbcp: {agent: ")
		}},
		{"a key that may do nothing else", func(f *far) {
			f.sshd.LetIn(fmt.Sprintf(`restrict,command="%s agent forced --root %s --program %s"`, f.dtctl, f.to, f.b.path))
			it := f.item("p.tar", 3*mb)
			must(f.t, f.send(it)[0])
			f.arrived(it)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, b tool) { row.run(newFar(t, b)) })
		})
	}
}

// TestFullAndReadOnly sends to file systems that are really full, or may only be read.
func TestFullAndReadOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b tool) {
		w := newWorld(t, b)
		root := t.TempDir()
		out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", root).CombinedOutput()
		if err != nil {
			t.Fatalf("mount: %v: %s", err, out)
		}
		t.Cleanup(func() { _ = exec.Command("umount", "--lazy", root).Run() })
		small, err := disk.New("cologne.buffer", root, disk.Options{SegmentSize: segment})
		must(t, err)
		must(t, small.Init(t.Context(), opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: "cologne.buffer"}, true))
		it := w.item("p.tar", 8*mb)
		it.Target = small
		w.wants(w.send(it)[0], opsdb.Environment, "location:cologne.buffer", "full", "Insufficient space") // checked before

		f := newFolder(t, b)
		f.source("a", 8*mb)
		for options, codes := range map[string][]int{"": {128, 228}, "-k": {228}} { // on the way; kept with -k
			r := f.run(append(strings.Fields(options), "-F", f.s("a"), filepath.Join(root, "x"))...)
			f.expect(r, codes[max(0, slices.Index(codes, r.code))], "No space left on device writing "+filepath.Join(root, "x"))
			_, err := os.Stat(filepath.Join(root, "x"))
			if kept := err == nil; kept != (options == "-k") {
				t.Errorf("with %q it is kept: %v", options, kept)
			}
			_ = os.Remove(filepath.Join(root, "x"))
		}
		f.expect(f.run(f.s("a"), filepath.Join(root, "x")), 28, "Insufficient space to copy all the files from ")

		it = again(w.item("q.tar", 100))
		it.Target = small
		until(t, "nobody writes there any more", func() bool { return exec.Command("mount", "-o", "remount,ro", root).Run() == nil })
		f.expect(f.run(f.s("a"), filepath.Join(root, "x")), 28, "Insufficient space") // which is not the trouble
		w.wants(w.send(it)[0], opsdb.Environment, "location:cologne.buffer", "read_only", "")
	})
}
