package sim_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/sim"
	"github.com/ccatobs/cdt/transport"
)

// batches is the CCAT route with small packages sent together.
func batches(t *testing.T) map[string][]byte {
	t.Helper()
	return edited(t, "    to: landing\n        choose: order", "    to: landing\n        batch: {max_packages: 6, max_wait: 5m}\n        choose: order")
}

// bad is a network over which sends are cut.
type bad struct {
	transport.Catalog
	cut func(from string, it transport.Item, moved int64) bool
}

func (b bad) Transport(from, to string) (transport.Transport, error) {
	t, err := b.Catalog.Transport(from, to)
	return cutting{t, from, b.cut}, err
}

type cutting struct {
	transport.Transport
	from string
	cut  func(from string, it transport.Item, moved int64) bool
}

var errCut = errors.New("the line is cut")

// Send implements transport.Transport: when it is cut, every item that is not there yet has failed.
func (c cutting) Send(ctx context.Context, items []transport.Item, progress func(item int, n int64)) []error {
	run, stop := context.WithCancel(ctx)
	defer stop()
	moved := make([]int64, len(items))
	errs := c.Transport.Send(run, items, func(i int, n int64) {
		progress(i, n)
		if moved[i] += n; c.cut(c.from, items[i], moved[i]) {
			stop()
		}
	})
	for i, err := range errs {
		if err != nil && run.Err() != nil && ctx.Err() == nil {
			errs[i] = errCut
		}
	}
	return errs
}

// over is what went over a link.
func over(t *testing.T, r check.Report, link string) check.Link {
	t.Helper()
	for _, l := range r.Links {
		if l.Link == link {
			return l
		}
	}
	t.Fatalf("nothing crossed %s: %+v", link, r.Links)
	return check.Link{}
}

// TestEveryByteCrossesOnce: without a fault exactly the bytes of the packages go over each link (B7).
func TestEveryByteCrossesOnce(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string][]byte{"one by one": ccat(t), "in batches": batches(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, files)
			h.fill("ccat.primecam", 32, 5000)
			h.run()
			r := h.judge()
			h.cleaned(r)
			sum := check.Link{Link: "ccat"}
			for _, l := range r.Links {
				if l.Sent != l.Unique || l.Kept != 0 || l.Faults != 0 {
					t.Errorf("%+v: not every byte once", l)
				}
				if strings.HasPrefix(l.Link, "ccat>") {
					sum.Packages, sum.Sent = sum.Packages+l.Packages, sum.Sent+l.Sent
				}
			}
			if len(h.packages()) != sum.Packages || sum.Sent == 0 {
				t.Errorf("%d crossings of the ocean for %d packages", sum.Packages, len(h.packages()))
			}
			t.Logf("%+v", r.Links)
		})
	}
}

// TestWhatACutCosts: a send that is cut goes on behind its good segments, so
// that a cut costs less than a segment, and everything else crosses once (B8).
func TestWhatACutCosts(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	cuts := 0
	files := ccat(t)
	cfg := houseConfig(t, files)
	cfg.Network = func(c transport.Catalog) transport.Catalog {
		return bad{c, func(from string, _ transport.Item, moved int64) bool {
			mu.Lock()
			defer mu.Unlock()
			if from != "ccat.buffer" || cuts > 0 || moved < opsdb.SegmentSize+opsdb.SegmentSize/4 {
				return false
			}
			cuts++
			return true
		}}
	}
	h := openHouse(t, stand(t, cfg))
	h.put("ccat.primecam", "obs/m/large.dat", noise(1, opsdb.SegmentSize*7/4))
	h.run()
	r := h.judge()
	l := over(t, r, "ccat>cologne")
	t.Logf("%d cuts; %+v", cuts, l)
	if cuts != 1 || l.Faults < opsdb.SegmentSize || l.Kept != opsdb.SegmentSize || l.Sent-l.Unique >= opsdb.SegmentSize || l.Sent != l.Unique+l.Faults-l.Kept {
		t.Errorf("%d cuts; %+v", cuts, l)
	}
}

// TestCutsInBatches: batches are cut again and again; what had arrived is not sent again.
func TestCutsInBatches(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	cuts, calls := 0, 0
	cfg := houseConfig(t, batches(t))
	cfg.Network = func(c transport.Catalog) transport.Catalog {
		return bad{c, func(from string, it transport.Item, moved int64) bool {
			mu.Lock()
			defer mu.Unlock()
			if from != "ccat.buffer" || moved < it.Size {
				return false
			}
			if calls++; calls%4 == 3 {
				cuts++
				return true
			}
			return false
		}}
	}
	h := openHouse(t, stand(t, cfg))
	h.fill("ccat.primecam", 48, 3000)
	h.run()
	r := h.judge()
	h.cleaned(r)
	l := over(t, r, "ccat>cologne")
	t.Logf("%d cuts; %+v", cuts, l)
	if cuts < 3 || (l.Sent-l.Faults)*100 > l.Unique*103 {
		t.Errorf("%d cuts; %+v", cuts, l)
	}
	for p, n := range h.crossings("ccat") {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
}

// TestWorkerKilledInABatch: a worker dies when half of a batch is over the
// ocean. Its leases end, what is left goes again, and each package crosses once.
func TestWorkerKilledInABatch(t *testing.T) {
	if root := os.Getenv(killRoot); root != "" {
		runUntilABatch(t, root)
		return
	}
	t.Parallel()
	at := newDatabase(t)
	cfg := standAt(houseConfig(t, batches(t)), at)
	h := &house{t: t, cfg: cfg, at: at, truth: map[string][]check.Original{}}
	h.Observatory = &sim.Observatory{Roots: map[string]string{"ccat.primecam": filepath.Join(cfg.Root, "sites", "ccat", "primecam")}}
	h.fill("ccat.primecam", 32, 3000)
	killed, err := child(t.Context(), t.Name(), cfg.Root, at, filepath.Join(t.TempDir(), "effects"), 0)
	if err != nil || !killed {
		t.Fatalf("killed: %v, %v", killed, err)
	}
	h.open()
	t.Cleanup(h.shut)
	h.run()
	r := h.judge()
	h.cleaned(r)
	crossings := h.crossings("ccat")
	for p, n := range crossings {
		if n != 1 {
			t.Errorf("package %s left the observatory %d times", p, n)
		}
	}
	l := over(t, r, "ccat>cologne")
	if len(crossings) != len(h.packages()) || l.Sent+l.Kept != l.Unique {
		t.Errorf("%d crossings of %d packages, %+v", len(crossings), len(h.packages()), l)
	}
	if l.Kept*int64(l.Packages) < 2*l.Unique {
		t.Errorf("%+v: it was not killed in the middle of a batch", l)
	}
	t.Logf("%+v", l)
}

// runUntilABatch is the child: it dies when the third package of a batch is over the ocean.
func runUntilABatch(t *testing.T, root string) {
	points, err := effect.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	ctx := effect.With(t.Context(), points)
	there := map[opsdb.ID]bool{}
	cfg := standAt(sim.Config{Root: root, Routes: batches(t), Start: start, Impatient: true, AtOnce: 1}, os.Getenv(killStore))
	cfg.Network = func(c transport.Catalog) transport.Catalog {
		return bad{c, func(from string, it transport.Item, moved int64) bool {
			if from == "ccat.buffer" && moved >= it.Size {
				if there[it.Package] = true; len(there) == 3 {
					_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				}
			}
			return false
		}}
	}
	o, err := sim.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Fatal("it was not killed: ", errors.Join(o.Run(ctx), o.Close()))
}
