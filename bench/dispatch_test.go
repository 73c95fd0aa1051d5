//go:build servers

package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// rounds is how often each side has its turn.
const rounds = 3

// BenchmarkDispatch passes 100,000 tasks that do nothing (CDT_BENCH_TASKS:
// another number) through two workers, and as many through two of Celery's with
// acks_late, in turns. Ours are durable: each is made together with its job in
// one transaction, claimed in one and finished in one; claims and ends wait for the
// disk, and a claim takes the making along (ADR 19). The engine that finds out what is to be done is not part of it: nothing
// stands for it on the other side.
func BenchmarkDispatch(b *testing.B) {
	tasks := number(b, "CDT_BENCH_TASKS", 100_000)
	each := tasks / rounds
	l := newLab(b, rounds*each*b.N+workers)
	for n := range workers {
		startWorker(b, l.url, n+1, false)
	}
	theirs := newCelery(b)
	l.pass(1, workers) // both are up
	next := 1 + workers
	l.countStatements()
	for range b.N {
		var ratios []float64
		for round := range rounds {
			before := costs()
			made, ours := l.pass(next, each)
			next += each
			between := costs()
			sent := theirs.produce("noop", each)
			mine, celery := between.since(before), costs().since(between).theirs
			ratio := sent[1] / ours.Seconds()
			ratios = append(ratios, ratio)
			fmt.Printf("round %d, %d tasks: CDT %.0f/s (dispatched in %.1f of %.1f s), Celery %.0f/s (sent in %.1f of %.1f s), ratio %.2f\n", round+1, each,
				float64(each)/ours.Seconds(), made.Seconds(), ours.Seconds(), float64(each)/sent[1], sent[0], sent[1], ratio)
			fmt.Printf("  processor time of a task: CDT %d µs (%d µs PostgreSQL), Celery %d µs, ratio %.2f; load of the machine %s\n",
				mine.ours.Microseconds()/int64(each), mine.database.Microseconds()/int64(each), celery.Microseconds()/int64(each), celery.Seconds()/mine.ours.Seconds(), load())
		}
		slices.Sort(ratios)
		b.ReportMetric(ratios[len(ratios)/2], "ratio")
	}
	l.printStatements()
}

// dispatchBatch is how many tasks are made at once: what an engine takes at once.
const dispatchBatch = 500

// pass dispatches a task for each of n packages and waits until all are finished.
func (l *lab) pass(from, n int) (made, all time.Duration) {
	l.Helper()
	packages, copies := l.ids(from, n)
	passed := clock.Monotonic()
	for i := 0; i < n; i += dispatchBatch {
		var grants []opsdb.Grant
		for k := i; k < min(i+dispatchBatch, n); k++ {
			grants = append(grants, reread(packages[k], copies[k]))
		}
		out, err := l.store.Dispatch(l.Context(), l.rev.Number, grants)
		l.check(err)
		for _, d := range out {
			if d.Refusal != opsdb.Granted {
				l.Fatalf("refused: %s, %s", d.Refusal, d.Text)
			}
		}
	}
	made = passed()
	l.until(`SELECT NOT EXISTS (SELECT 1 FROM open_task)`)
	return made, passed()
}

// reread is a grant to read a copy again.
func reread(pkg, copy opsdb.ID) opsdb.Grant {
	return opsdb.Grant{Piece: opsdb.Whole, ClaimBy: time.Hour, Move: opsdb.OpenMove{Package: pkg, Version: 1, Route: "raw", Stage: "scrub", Type: "verify",
		From: "lab.lta", To: "lab.lta", SendSite: "lab", ReceiveSite: "lab", Bytes: 1e9, TargetCopy: copy, Class: opsdb.Fresh, Form: opsdb.Tar}}
}
