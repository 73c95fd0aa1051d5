package bbcp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/testserver/executable"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/bbcp"
)

// segment is what one digest covers in these tests.
const segment = 64 << 10

// world is two disks and the driver between them.
type world struct {
	t              *testing.T
	b              tool
	opts           bbcp.Options
	source, target *disk.Disk
	from, to       string // their roots
}

func newWorld(t *testing.T, b tool, mischief ...string) *world {
	t.Helper()
	w := &world{t: t, b: b, opts: b.options(mischief...), from: t.TempDir(), to: t.TempDir()}
	w.opts.SegmentSize = segment
	w.source, w.target = diskAt(t, "ccat.buffer", w.from, segment), diskAt(t, "cologne.buffer", w.to, segment)
	return w
}

func digest(b []byte) opsdb.Digest {
	sum := sha256.Sum256(b)
	return opsdb.Digest(hex.EncodeToString(sum[:]))
}

// item is n random bytes at the source.
func (w *world) item(path string, n int) transport.Item {
	w.t.Helper()
	b := random(n, uint64(n))
	must(w.t, os.WriteFile(filepath.Join(w.from, path), b, 0o644))
	it := transport.Item{
		Package: opsdb.NewID(), Source: w.source, Path: path, Target: w.target, Size: int64(n),
		Attempt: storage.Attempt{Task: opsdb.NewID(), Epoch: "epoch", Token: 1},
	}
	for rest := b; len(rest) > 0; rest = rest[min(segment, len(rest)):] {
		it.Segments = append(it.Segments, digest(rest[:min(segment, len(rest))]))
	}
	return it
}

func (w *world) part(it transport.Item) string {
	return filepath.Join(w.to, ".part", it.Attempt.Name())
}

func (w *world) send(items ...transport.Item) []error { return w.sendWith(w.t.Context(), items...) }

func (w *world) sendWith(ctx context.Context, items ...transport.Item) []error {
	w.t.Helper()
	told := make([]int64, len(items))
	var mu sync.Mutex
	errs := w.b.transport(w.t, w.opts).Send(ctx, items, func(i int, n int64) {
		mu.Lock()
		defer mu.Unlock()
		told[i] += n
	})
	for i, it := range items {
		if told[i] > it.Size || errs[i] == nil && told[i] != it.Size {
			w.t.Errorf("item %d of %d bytes: progress told %d, error %v", i, it.Size, told[i], errs[i])
		}
		w.nothingLeft(it)
	}
	return errs
}

// nothingLeft expects that no process of an attempt runs, and that nothing has a final name.
func (w *world) nothingLeft(it transport.Item) {
	w.t.Helper()
	mark := []byte(it.Attempt.Name())
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environments {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, mark) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			w.t.Errorf("%s of %s still runs: %q", filepath.Dir(path), it.Path, line)
		}
	}
	if _, err := os.Lstat(filepath.Join(w.to, it.Path)); err == nil {
		w.t.Errorf("%s has its final name", it.Path)
	}
}

// arrived expects an item's part to be right; settled, that the receive takes it.
func (w *world) arrived(it transport.Item) {
	w.t.Helper()
	r, err := w.target.ReadPart(w.t.Context(), it.Attempt, nil)
	want, _ := os.ReadFile(filepath.Join(w.from, it.Path))
	if err != nil || r.Digest != digest(want) {
		w.t.Errorf("%s arrived as %d bytes, %v; sent %d", it.Path, r.Size, err, len(want))
	}
}

// refused expects the receive to find the bytes wrong, and to name nothing.
func (w *world) refused(it transport.Item, want opsdb.Digest) {
	w.t.Helper()
	_, err := w.target.Settle(w.t.Context(), it.Attempt, it.Path, storage.Expect{Digest: want, Size: it.Size}, nil)
	if !errors.Is(err, storage.ErrMismatch) {
		w.t.Errorf("the receive says %v", err)
	}
	w.nothingLeft(it)
}

// again is the item as its next attempt has it.
func again(it transport.Item) transport.Item {
	it.Earlier = append(it.Earlier, it.Attempt)
	it.Attempt.Token++
	return it
}

// wants expects a classified failure.
func (w *world) wants(err error, class opsdb.FailureClass, subject, reason, text string) {
	w.t.Helper()
	f := stages.FailureOf(err)
	if err == nil || f.Class != class || f.Subject != subject || f.Reason != reason || !strings.Contains(f.Text, text) || f.Text == "" {
		w.t.Errorf("error %v\nclassified %+v\nwant %s about %q, reason %q, with %q", err, f, class, subject, reason, text)
	}
}

// during sends an item slowly and acts once n bytes are there.
func (w *world) during(it transport.Item, rate, n int64, act func()) error {
	w.t.Helper()
	w.opts.Rate = rate
	done := make(chan struct{})
	var acted atomic.Bool
	go func() {
		defer close(done)
		for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
			if info, err := os.Stat(w.part(it)); err == nil && info.Size() >= n {
				acted.Store(true)
				act()
				return
			}
		}
	}()
	errs := w.send(it)
	<-done
	if !acted.Load() {
		w.t.Errorf("never were %d bytes there", n)
	}
	return errs[0]
}

// processesOf are the running processes of the attempt of one side; "" is the initiator.
func processesOf(it transport.Item, side string) []process {
	mark := []byte("CDT_ATTEMPT=" + it.Attempt.Name())
	return processes(func(p process) bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		last := p.words[len(p.words)-1]
		if side == "" {
			return err == nil && bytes.Contains(b, mark) && last != "SRC" && last != "SNK" && !strings.HasPrefix(filepath.Base(p.words[0]), "dd")
		}
		return err == nil && bytes.Contains(b, mark) && last == side
	})
}

// log is a program in front of the tool that writes down how it is called, and runs a line of shell first.
func (w *world) log(before string) (calls func() []string) {
	w.t.Helper()
	dir := w.t.TempDir()
	program, list := filepath.Join(dir, "bbcp"), filepath.Join(dir, "calls")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in SRC|SNK) ;; *) echo \"$*\" >>%s\n%s\n;; esac\nexec %s \"$@\"\n", list, before, w.b.path)
	executable.Write(w.t, program, script)
	w.opts.Program = program
	return func() []string {
		b, err := os.ReadFile(list)
		must(w.t, err)
		return strings.Split(strings.TrimSpace(string(b)), "\n")
	}
}
