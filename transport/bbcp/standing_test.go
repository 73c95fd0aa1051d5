package bbcp_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/bbcp"
)

// standing makes the world's link have standing calls; the agent is this test itself.
func (w *world) standing() {
	w.t.Helper()
	self, err := os.Executable()
	must(w.t, err)
	w.opts.Agent, w.opts.Standing = self, &bbcp.Standing{}
	w.t.Cleanup(w.opts.Standing.Close)
}

// items are some of different sizes.
func (w *world) items(n int) []transport.Item {
	w.t.Helper()
	var all []transport.Item
	for i := range n {
		all = append(all, w.item(fmt.Sprintf("p%d.tar", i), (i+1)*mb/2+i))
	}
	return all
}

// takers are the running ends of standing calls into the world's parts.
func (w *world) takers() []process {
	return processes(func(p process) bool { return p.words[len(p.words)-1] == filepath.Join(w.to, ".part") })
}

func TestStanding(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		run  func(w *world)
	}{
		{"one call for all that is sent, at once and one after the other", func(w *world) {
			calls := w.log("")
			items := w.items(7)
			early := make([]bool, len(items))
			for i := range items {
				items[i].Arrived = func() { early[i] = true }
			}
			tr := w.b.transport(w.t, w.opts)
			var wait sync.WaitGroup
			for _, some := range [][]transport.Item{items[:3], items[3:6]} {
				wait.Go(func() {
					for _, err := range tr.Send(w.t.Context(), some, nil) {
						if err != nil {
							w.t.Error(err)
						}
					}
				})
			}
			wait.Wait()
			must(w.t, w.send(items[6])[0])
			for i, it := range items {
				w.arrived(it)
				if want := i != 2 && i != 5 && i != 6; early[i] != want { // the last one of a Send ends with it
					w.t.Errorf("item %d was told early: %v", i, early[i])
				}
			}
			if len(calls()) != 1 {
				w.t.Errorf("calls %q", calls())
			}
		}},
		{"what is there of an earlier attempt is kept", func(w *world) {
			it := w.item("p.tar", 5*segment+7)
			b, err := os.ReadFile(filepath.Join(w.from, "p.tar"))
			must(w.t, err)
			must(w.t, os.MkdirAll(filepath.Join(w.to, ".part"), 0o755))
			must(w.t, os.WriteFile(w.part(it), append(b[:3*segment:3*segment], "wrong from here on"...), 0o644))
			next := again(it)
			var kept int64
			next.Kept = func(n int64) { kept += n }
			must(w.t, w.send(next)[0])
			w.arrived(next)
			if kept != 3*segment {
				w.t.Errorf("%d bytes were kept", kept)
			}
		}},
		{"a cancel takes one package back, and the others go on", func(w *world) {
			w.opts.Rate = 4 * mb
			it, other := w.item("p.tar", 16*mb), w.item("q.tar", 2*mb)
			ctx, cancel := context.WithCancel(w.t.Context())
			defer cancel()
			tr := w.b.transport(w.t, w.opts)
			done := make(chan error)
			go func() {
				until(w.t, "some bytes", func() bool { info, err := os.Stat(w.part(it)); return err == nil && info.Size() > mb })
				go cancel()
				done <- tr.Send(w.t.Context(), []transport.Item{other}, nil)[0]
			}()
			if errs := tr.Send(ctx, []transport.Item{it}, nil); !errors.Is(errs[0], context.Canceled) {
				w.t.Errorf("error %v", errs[0])
			}
			first, err := os.Stat(w.part(it))
			must(w.t, err)
			must(w.t, <-done)
			w.arrived(other)
			if now, _ := os.Stat(w.part(it)); now.Size() != first.Size() || now.Size() >= it.Size {
				w.t.Errorf("the part went on from %d to %d bytes", first.Size(), now.Size())
			}
			next := again(it)
			w.opts.Rate = 0
			must(w.t, w.send(next)[0])
			w.arrived(next)
		}},
		{"a call that breaks fails what was begun, and the next goes on from it", func(w *world) {
			it := w.item("p.tar", 16*mb)
			err := w.during(it, 4*mb, mb, func() {
				for _, p := range w.takers() {
					_ = syscall.Kill(p.pid, syscall.SIGKILL)
				}
			})
			w.wants(err, opsdb.Transient, "", "", "not all bytes")
			if left := w.takers(); len(left) != 0 {
				w.t.Errorf("still there: %+v", left)
			}
			w.opts.Rate = 0
			next := again(it)
			must(w.t, w.send(next)[0])
			w.arrived(next)
		}},
		{"what waits behind one that breaks the call arrives", func(w *world) {
			first, others := w.item("first.tar", 100), w.items(3)
			must(w.t, os.MkdirAll(filepath.Join(w.to, ".part"), 0o755))
			calls := w.log("[ -e " + w.part(first) + " ] || echo an orphan >" + w.part(first))
			errs := w.send(append([]transport.Item{first}, others...)...)
			w.wants(errs[0], opsdb.Transient, "", "", "file exists")
			for i, it := range others {
				must(w.t, errs[i+1])
				w.arrived(it)
			}
			if b, err := os.ReadFile(w.part(first)); err != nil || string(b) != "an orphan\n" {
				w.t.Errorf("the part that was there has %q, %v; calls %q", b, err, calls())
			}
		}},
		{"a stopped end: the watchdog ends the call", func(w *world) {
			w.opts.Stall = 5 * time.Second
			it := w.item("p.tar", 16*mb)
			err := w.during(it, 4*mb, mb, func() {
				for _, p := range w.takers() {
					_ = syscall.Kill(p.pid, syscall.SIGSTOP)
				}
			})
			w.wants(err, opsdb.Transient, "", "", "no bytes moved for ")
		}},
		{"where bbcp may start no programs, packages have calls of their own", func(w *world) {
			calls := w.log("")
			w.opts.Environment = append(w.opts.Environment, "BBCP_ALLOWPP=0")
			for _, it := range w.items(2) {
				must(w.t, w.send(it)[0])
				w.arrived(it)
			}
			if all := calls(); len(all) != 3 || strings.Contains(all[1]+all[2], "-N") {
				w.t.Errorf("calls %q", all)
			}
		}},
		{"windows bind where they are known", func(w *world) {
			calls := w.log("")
			w.opts.Bandwidth, w.opts.RTT = 4*mb, 10*time.Millisecond
			it := w.item("p.tar", 3*mb)
			must(w.t, w.send(it)[0])
			w.arrived(it)
			if all := calls(); len(all) != 1 || !strings.Contains(all[0], "-s 4 -w =131072 ") {
				w.t.Errorf("calls %q", all)
			}
		}},
		{"nothing is known of the line: the kernels size the windows", func(w *world) {
			calls := w.log("")
			must(w.t, w.send(w.item("p.tar", 10))[0])
			if all := calls(); len(all) != 1 || strings.Contains(all[0], "-w =") {
				w.t.Errorf("calls %q", all)
			}
		}},
		{"windows that the other end makes smaller bind no more", func(w *world) {
			calls := w.log("case \"$*\" in *-w\\ =*) echo bbcp: Source window size reduced to 4096 bytes. >&2;; esac")
			w.opts.Bandwidth, w.opts.RTT = 4*mb, 10*time.Millisecond
			for _, it := range w.items(2) {
				must(w.t, w.send(it)[0])
				w.arrived(it)
			}
			all := calls()
			if len(all) != 3 || !strings.Contains(all[0], "-w =") || strings.Contains(all[1]+all[2], "-w =") || !strings.Contains(all[2], "agent take") {
				w.t.Errorf("calls %q", all)
			}
		}},
		{"a source cut short meanwhile is bad data, and harms no other", func(w *world) {
			it, other := w.item("p.tar", 12*mb), w.item("q.tar", mb)
			tr := w.b.transport(w.t, w.opts)
			w.opts.Rate = 2 * mb
			err := w.during(it, 2*mb, mb, func() { _ = os.Truncate(filepath.Join(w.from, "p.tar"), 3*mb) })
			w.wants(err, opsdb.BadData, "", "", "bytes")
			must(w.t, tr.Send(w.t.Context(), []transport.Item{other}, nil)[0])
			w.arrived(other)
		}},
		{"no bbcp here", func(w *world) {
			w.opts.Program = "/nonexistent/bbcp"
			w.wants(w.send(w.item("p.tar", 10))[0], opsdb.BadConfig, "", "no_program", "bring bbcp to this host")
		}},
		{"it ends with its owner", func(w *world) {
			must(w.t, w.send(w.item("p.tar", 10))[0])
			if n := len(w.takers()); n == 0 {
				w.t.Error("nothing stands")
			}
			w.opts.Standing.Close()
			if left := w.takers(); len(left) != 0 {
				w.t.Errorf("still there: %+v", left)
			}
			it := w.item("q.tar", 10)
			must(w.t, w.send(it)[0])
			w.arrived(it)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, b tool) {
				w := newWorld(t, b)
				w.standing()
				row.run(w)
			})
		})
	}
}

// TestWhatStaysBehind: the streams of a call wait for each other, and the last bytes of a package for what comes after them.
func TestWhatStaysBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, standIn(t), "lag=5000000")
	w.standing()
	w.opts.Bandwidth, w.opts.Stall = 100*mb, 20*time.Second
	calls := w.log("")
	it := w.item("p.tar", 2*mb)
	must(t, w.send(it)[0])
	w.arrived(it)
	if len(calls()) != 1 {
		t.Errorf("calls %q", calls())
	}
}
