//go:build servers

package bench_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/postgres"
)

// BenchmarkLatency tracks 1,000,000 packages (CDT_BENCH_PACKAGES: another
// number) and times, one by one, from a commit to a worker that holds the task:
// of a filing (a file comes, its group closes, its package is to be packed), and of a
// person's wish to have a copy read again. Beside them, from just before a task
// is sent to Celery until it is begun. An engine, two workers and who files are
// processes or at least connections of their own.
func BenchmarkLatency(b *testing.B) {
	packages := number(b, "CDT_BENCH_PACKAGES", 1_000_000)
	samples := number(b, "CDT_BENCH_SAMPLES", 300)
	l := newLab(b, packages)
	at := newWay()
	l.startEngine(at)
	held := l.watchWorkers()
	l.countStatements()
	people, err := postgres.Open(b.Context(), l.url, postgres.Options{Name: "people", Connections: 2})
	l.check(err)
	b.Cleanup(func() { _ = people.Close() })
	theirs := newCelery(b)
	wished := 0
	wish := func() {
		wished++
		ids, _ := l.ids(wished*(packages/(3*samples+3)), 1)
		l.check(people.WantVerify(b.Context(), ids[0], "lab.lta", "bench"))
	}
	filed := 0
	file := func() {
		filed++
		l.file(people, filed)
	}
	for range workers {
		l.sample(at, held, file)
		l.sample(at, held, wish)
	}
	for range b.N {
		var filings, wishes, sends []time.Duration
		for range rounds {
			for range samples / rounds {
				filings = append(filings, l.sample(at.on(ofFiling), held, file))
				wishes = append(wishes, l.sample(at.on(ofWish), held, wish))
			}
			for _, s := range theirs.produce("held", samples/rounds) {
				sends = append(sends, time.Duration(s*float64(time.Second)))
			}
		}
		mine, read, celery := spread(filings), spread(wishes), spread(sends)
		fmt.Printf("%d packages tracked, %d samples of each, from commit to a worker holding the task:\n  filing  %s\n  re-read %s\n  Celery  %s (from send to start)\n", packages, len(filings), mine, read, celery)
		fmt.Printf("legs, each a median\n  filing  %s\n  re-read %s\n", at.legs(ofFiling), at.legs(ofWish))
		b.ReportMetric(mine.median.Seconds()*1000, "filing-ms")
		b.ReportMetric(mine.p99.Seconds()*1000, "filing-p99-ms")
		b.ReportMetric(mine.median.Seconds()/celery.median.Seconds(), "of-celery")
	}
	l.printStatements()
}

// times are a median and a 99th percentile.
type times struct{ median, p99, worst time.Duration }

func spread(all []time.Duration) times {
	slices.Sort(all)
	at := func(q float64) time.Duration { return all[int(math.Ceil(q*float64(len(all))))-1] }
	return times{at(0.5), at(0.99), all[len(all)-1]}
}

func (t times) String() string {
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 }
	return fmt.Sprintf("median %.1f ms, p99 %.1f ms, worst %.1f ms", ms(t.median), ms(t.p99), ms(t.worst))
}

// startEngine runs an engine until the benchmark ends.
func (l *lab) startEngine(w *way) {
	l.Helper()
	ctx, stop := context.WithCancel(effect.With(l.Context(), &effect.Points{Hook: w.pass}))
	now, err := node.NewStoreClock(ctx, l.store)
	l.check(err)
	e := engine.New(engine.Config{Store: l.store, Enqueue: func(context.Context, []opsdb.Task) error { return nil }, Clock: now, Monotonic: clock.Monotonic()})
	e.Follow(l.graph, l.rev.Number)
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	l.Cleanup(func() {
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			l.Errorf("the engine ended: %v", err)
		}
	})
}

// watchWorkers starts the workers and returns when tasks were held.
func (l *lab) watchWorkers() <-chan holding {
	held := make(chan holding, 100)
	for n := range workers {
		go tell(startWorker(l.B, l.url, n+1, true), held)
	}
	return held
}

// holding is when a worker fetched the job of a task, and when it held the task.
type holding struct{ fetched, held time.Time }

func tell(lines *bufio.Scanner, held chan<- holding) {
	for lines.Scan() {
		var fetched, at int64
		if _, err := fmt.Sscan(lines.Text(), &fetched, &at); err == nil {
			held <- holding{time.UnixMicro(fetched), time.UnixMicro(at)}
		}
	}
}

// file files a file that is a package of its own at once.
func (l *lab) file(s *postgres.Store, n int) {
	l.Helper()
	observation := "new" + strconv.Itoa(n)
	_, results, err := s.FileFiles(l.Context(), []opsdb.File{{Location: "lab.camera", Path: observation + "/a.fits", Size: 2e9, ModTime: time.Unix(1_790_000_000, 0),
		Instrument: "camera", Observation: observation, Module: "m1"}})
	l.check(errors.Join(append(results, err)...))
}

// sample is the time from the end of a call to a worker that holds the task it asks for.
func (l *lab) sample(w *way, held <-chan holding, act func()) time.Duration {
	l.Helper()
	rest := time.NewTimer(20 * time.Millisecond) // nobody is still busy with the one before
	<-rest.C
	w.begin()
	act()
	begun := clock.System{}.Now()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	select {
	case h := <-held:
		w.passAt("fetched", h.fetched)
		w.passAt("held", h.held)
		w.end(begun)
		return h.held.Sub(begun)
	case <-late.C:
		l.Fatal("no worker has the task after a minute")
	}
	return 0
}
