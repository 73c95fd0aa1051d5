package bbcp_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/transport"
)

const mb = 1 << 20

// TestEveryRow sends through the driver what each row of what is known about
// bbcp is about, with the stand-in and, if it is there, with the real one.
func TestEveryRow(t *testing.T) {
	for _, row := range []struct {
		name string
		run  func(w *world)
	}{
		{"one call, 1-byte file: many files share a call", func(w *world) {
			calls := w.log("")
			var items []transport.Item
			for i := range 20 {
				items = append(items, w.item(fmt.Sprintf("p%d.tar", i), i))
			}
			for i, err := range w.send(items...) {
				must(w.t, err)
				w.arrived(items[i])
			}
			if n := len(calls()); n != 1 {
				w.t.Errorf("%d calls: %q", n, calls())
			}
		}},
		{"no fsync: the receiver syncs what it wrote before anything has a name", func(w *world) {
			it := w.item("p.tar", 3*mb)
			var acts []string
			ctx := effect.With(w.t.Context(), &effect.Points{Hook: func(name string) { acts = append(acts, name) }})
			must(w.t, w.send(it)[0])
			content, err := os.ReadFile(filepath.Join(w.from, "p.tar"))
			must(w.t, err)
			want := storage.Expect{Digest: storagetest.Digest(content), Size: it.Size}
			_, err = it.Target.(storage.Receiver).Settle(ctx, it.Attempt, "raw/p.tar", want, nil)
			must(w.t, err)
			synced, named := slices.Index(acts, "disk.sync.after"), slices.Index(acts, "disk.rename.before")
			if synced < 0 || named < synced {
				w.t.Errorf("done were %v", acts)
			}
		}},
		{"a file that is whole is the receive's while the next ones are on their way", func(w *world) {
			w.opts.Stall, w.opts.Rate = 4*time.Second, 400_000
			first, second := w.item("1.tar", 300_000), w.item("2.tar", 900_000)
			b, err := os.ReadFile(filepath.Join(w.from, "1.tar"))
			must(w.t, err)
			early := false
			first.Arrived = func() {
				_, err := w.target.Settle(w.t.Context(), first.Attempt, "d/1.tar", storage.Expect{Digest: digest(b), Size: first.Size}, nil)
				info, unseen := os.Stat(w.part(second))
				if early = err == nil && unseen == nil && info.Size() < second.Size; !early {
					w.t.Errorf("settled with %v while %v, %v had come of the next", err, info, unseen)
				}
			}
			for _, err := range w.send(first, second) {
				must(w.t, err)
			}
			w.arrived(second)
			if _, err := os.Stat(w.part(first)); !early || err == nil {
				w.t.Errorf("told early: %v; its part: %v", early, err)
			}
		}},
		{"never -f, -a, -e or -E; absolute names; ssh only where there is another end", func(w *world) {
			calls := w.log("")
			whole, half := w.item("a.tar", 3*segment), w.item("b.tar", 3*segment)
			must(w.t, os.MkdirAll(filepath.Join(w.to, ".part"), 0o755))
			b, err := os.ReadFile(filepath.Join(w.from, "b.tar"))
			must(w.t, err)
			must(w.t, os.WriteFile(w.part(half), b[:2*segment], 0o200))
			for _, err := range w.send(whole, again(half)) {
				must(w.t, err)
			}
			for _, call := range calls() {
				words := strings.Fields(call)
				for _, word := range words {
					if word == "-f" || word == "-a" || word == "-e" || word == "-E" || word == "-S" || word == "-T" {
						w.t.Errorf("%s in %q", word, call)
					}
				}
				for _, path := range []string{w.from, w.part(half)} {
					if strings.Contains(call, path) && !strings.Contains(call, " /") && !strings.Contains(call, "=/") {
						w.t.Errorf("a relative name in %q", call)
					}
				}
			}
			if len(calls()) != 2 {
				w.t.Errorf("calls %q", calls())
			}
		}},
		{"resume over a damaged partial file: what was not re-read is not kept", func(w *world) {
			it := w.item("p.tar", 5*segment+1)
			b, err := os.ReadFile(filepath.Join(w.from, "p.tar"))
			must(w.t, err)
			must(w.t, os.MkdirAll(filepath.Join(w.to, ".part"), 0o755))
			bad := append([]byte{}, b[:4*segment]...)
			bad[3*segment+7] ^= 1
			must(w.t, os.WriteFile(w.part(it), bad, 0o200))
			calls := w.log("")
			next := again(it)
			must(w.t, w.send(next)[0])
			w.arrived(next)
			if want := fmt.Sprintf("skip=%d ", 3*segment); len(calls()) != 1 || !strings.Contains(calls()[0], want) {
				w.t.Errorf("calls %q, want %q", calls(), want)
			}
			if left, err := os.ReadFile(w.part(it)); err != nil || string(left) != string(bad) {
				w.t.Errorf("the earlier part was touched: %v", err)
			}
		}},
		{"initiator killed: the helpers are ended with it, and what is there is gone on from", func(w *world) {
			it := w.item("p.tar", 8*mb)
			err := w.during(it, 2*mb, mb, func() {
				for _, p := range processesOf(it, "") {
					_ = syscall.Kill(p.pid, syscall.SIGKILL)
				}
			})
			w.wants(err, opsdb.Transient, "", "", "not all bytes")
			first, err := os.Stat(w.part(it))
			must(w.t, err)
			<-time.After(300 * time.Millisecond)
			if now, _ := os.Stat(w.part(it)); now.Size() != first.Size() || now.Mode().Perm() != 0o200 {
				w.t.Errorf("the part went on from %d to %d bytes, mode %v", first.Size(), now.Size(), now.Mode())
			}
			w.opts.Rate = 0
			next := again(it)
			calls := w.log("")
			must(w.t, w.send(next)[0])
			w.arrived(next)
			if !strings.Contains(calls()[0], "-N io") {
				w.t.Errorf("it did not go on: %q", calls())
			}
		}},
		{"target sink stopped: the watchdog looks at bytes", func(w *world) {
			it := w.item("p.tar", 16*mb)
			w.opts.Stall = 6 * time.Second
			err := w.during(it, 2*mb, mb, func() {
				for _, p := range processesOf(it, "SNK") {
					_ = syscall.Kill(p.pid, syscall.SIGSTOP)
				}
			})
			w.wants(err, opsdb.Transient, "", "", "no bytes moved for ")
		}},
		{"one helper killed at its end: right is right, whatever the exit code", func(w *world) {
			it := w.item("p.tar", 3*mb)
			if w.b.real {
				// The source's first process goes; its child copies on for the seconds this takes, and then the call says 255.
				err := w.during(it, 3*mb, 3*mb-mb/2, func() {
					for _, p := range processesOf(it, "SRC") {
						if kids := processes(func(c process) bool { return c.parent == p.pid }); len(kids) > 0 {
							_ = syscall.Kill(p.pid, syscall.SIGKILL)
						}
					}
				})
				if err == nil {
					w.arrived(it)
				}
				return
			}
			w.opts.Environment = []string{"BBCP_FAKE=quick,helper"}
			must(w.t, w.send(it)[0])
			w.arrived(it)
		}},
		{"source truncated mid-copy: bad data", func(w *world) {
			it := w.item("p.tar", 8*mb)
			err := w.during(it, 2*mb, mb, func() { _ = os.Truncate(filepath.Join(w.from, "p.tar"), 100) })
			w.wants(err, opsdb.BadData, "", "", "100 bytes")
			if !errors.Is(err, storage.ErrMismatch) {
				w.t.Errorf("error %v", err)
			}
		}},
		{"source modified mid-copy: the receive notices", func(w *world) {
			it := w.item("p.tar", 4*mb)
			b, err := os.ReadFile(filepath.Join(w.from, "p.tar"))
			must(w.t, err)
			err = w.during(it, 2*mb, mb, func() {
				f, err := os.OpenFile(filepath.Join(w.from, "p.tar"), os.O_WRONLY, 0)
				if err == nil {
					_, _ = f.WriteAt([]byte("modified"), 4*mb-100)
					_ = f.Close()
				}
			})
			must(w.t, err)
			w.refused(it, digest(b))
		}},
		{"target exists: exit 22, untouched, and said so", func(w *world) {
			it := w.item("p.tar", 1000)
			w.log("echo an orphan >" + w.part(it))
			w.wants(w.send(it)[0], opsdb.Transient, "", "", "already exists")
			if b, err := os.ReadFile(w.part(it)); err != nil || string(b) != "an orphan\n" {
				w.t.Errorf("it has %q, %v", b, err)
			}
		}},
		{"a source that goes missing does not fail the others of its call", func(w *world) {
			items := []transport.Item{w.item("a.tar", 1000), w.item("b.tar", 2000), w.item("c.tar", 3000)}
			calls := w.log("rm -f " + filepath.Join(w.from, "b.tar"))
			errs := w.send(items...)
			if errs[0] != nil || !errors.Is(errs[1], fs.ErrNotExist) || errs[2] != nil {
				w.t.Errorf("errors %v", errs)
			}
			w.arrived(items[0])
			w.arrived(items[2])
			if len(calls()) != 2 {
				w.t.Errorf("calls %q", calls())
			}
		}},
		{"missing folder: the destination is looked at", func(w *world) {
			it := w.item("p.tar", 1000)
			w.log("mv " + w.to + " " + w.to + ".away")
			w.wants(w.send(it)[0], opsdb.Environment, "location:cologne.buffer", "offline", "")
			must(w.t, os.Rename(w.to+".away", w.to))
		}},
		{"names: only plain paths stand in a call", func(w *world) {
			for _, root := range []string{"a b", "new\nline", "co'lon", "quo\"te", "dol$lar", "semi;colon"} {
				root = filepath.Join(w.t.TempDir(), root)
				must(w.t, os.Mkdir(root, 0o755))
				it := w.item("p.tar", 10)
				it.Target = diskAt(w.t, "cologne.buffer", root, segment)
				w.wants(w.send(it)[0], opsdb.BadConfig, "", "", "may not stand in a call of bbcp")
			}
		}},
		{"in flight: mode 0200 and no final name; a killed attempt's part can be read", func(w *world) {
			it := w.item("p.tar", 8*mb)
			ctx, cancel := context.WithCancel(w.t.Context())
			defer cancel()
			w.opts.Rate = 2 * mb
			go func() {
				until(w.t, "some bytes", func() bool { info, err := os.Stat(w.part(it)); return err == nil && info.Size() > mb })
				if info, err := os.Stat(w.part(it)); err != nil || info.Mode().Perm() != 0o200 {
					w.t.Errorf("in flight %v, %v", info, err)
				}
				cancel()
			}()
			if errs := w.sendWith(ctx, it); !errors.Is(errs[0], context.Canceled) {
				w.t.Errorf("error %v", errs[0])
			}
			r, err := w.target.ReadPart(w.t.Context(), it.Attempt, nil)
			if err != nil || r.Size == 0 {
				w.t.Errorf("the part reads as %+v, %v", r, err)
			}
			w.opts.Rate = 0
			next := again(it)
			must(w.t, w.send(next)[0])
			w.arrived(next)
		}},
		{"a site that lets bbcp start no programs gets the whole file again", func(w *world) {
			it := w.item("p.tar", 3*segment)
			b, err := os.ReadFile(filepath.Join(w.from, "p.tar"))
			must(w.t, err)
			must(w.t, os.MkdirAll(filepath.Join(w.to, ".part"), 0o755))
			must(w.t, os.WriteFile(w.part(it), b[:2*segment], 0o644))
			w.opts.Environment = append(w.opts.Environment, "BBCP_ALLOWPP=0")
			next := again(it)
			must(w.t, w.send(next)[0])
			w.arrived(next)
		}},
		{"no bbcp here", func(w *world) {
			w.opts.Program = "/nonexistent/bbcp"
			w.wants(w.send(w.item("p.tar", 10))[0], opsdb.BadConfig, "", "no_program", "bring bbcp to this host")
		}},
		{"its own settings file does not count", func(w *world) {
			home := w.t.TempDir()
			must(w.t, os.WriteFile(filepath.Join(home, ".bbcp.cf"), []byte("-f\n"), 0o644))
			w.opts.Environment = append(w.opts.Environment, "HOME="+home)
			it := w.item("p.tar", 1000)
			w.log("echo an orphan >" + w.part(it))
			w.wants(w.send(it)[0], opsdb.Transient, "", "", "already exists")
		}},
		{"-x: a rate is kept", func(w *world) {
			w.opts.Rate = 2 * mb
			begun := time.Now()
			must(w.t, w.send(w.item("p.tar", 4*mb))[0])
			if took := time.Since(begun); took < 1500*time.Millisecond {
				w.t.Errorf("4 MiB at 2 MiB/s took %v", took)
			}
		}},
		{"-z, -Z, -B, -s, -w: all is taken", func(w *world) {
			w.opts.Reverse, w.opts.Ports, w.opts.Buffer, w.opts.Streams, w.opts.Window = true, "47201:47280", 64<<10, 3, 256<<10
			it := w.item("p.tar", 3*mb)
			must(w.t, w.send(it)[0])
			w.arrived(it)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, b tool) { row.run(newWorld(t, b)) })
		})
	}
}
