//go:build servers

package postgres

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// BenchmarkEvaluateStore times what one pass of an engine asks of the store,
// over packages that are tracked, of which k have changed. How many are
// tracked may be said in CDT_BENCH_PACKAGES, as "100000,1000000".
func BenchmarkEvaluateStore(b *testing.B) {
	tracked := os.Getenv("CDT_BENCH_PACKAGES")
	if tracked == "" {
		tracked = "100000"
	}
	for _, word := range strings.Split(tracked, ",") {
		n, err := strconv.Atoi(word)
		must(b, err)
		b.Run("tracked="+word, func(b *testing.B) {
			url := testserver.Postgres(b)
			s, err := Open(b.Context(), url, Options{})
			must(b, err)
			defer s.Close() //nolint:errcheck // a benchmark's
			packages(b, s, 1)
			// Without triggers: what is counted is no matter here.
			testserver.PostgresExec(b, url, append(append([]string{`SET session_replication_role = replica`}, history(n)...), `TRUNCATE hold, staging_request`, `VACUUM ANALYZE`)...)
			for _, k := range []int{0, 1, 100, 10_000} {
				b.Run("changed="+strconv.Itoa(k), func(b *testing.B) { passes(b, s, url, n, k) })
			}
		})
	}
}

func passes(b *testing.B, s *Store, url string, n, k int) {
	pass(b, s, -1) // what is left of before, and what is cold
	rows, count := int64(0), 0
	for b.Loop() {
		b.StopTimer()
		if k > 0 {
			testserver.PostgresExec(b, url, fmt.Sprintf(`UPDATE package_state SET version = version + 1 WHERE id IN (SELECT 'p' || i * %d FROM generate_series(1, %d) i)`, n/k, k))
		}
		before := s.RowsRead()
		b.StartTimer()
		pass(b, s, k)
		rows += s.RowsRead() - before
		count++
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(count), "ms/pass")
	b.ReportMetric(float64(rows)/float64(count), "rows/pass")
}

// pass is one round of an engine, without what it thinks; k is how many must be dirty, -1: whatever is.
func pass(b *testing.B, s *Store, k int) {
	b.Helper()
	ctx := b.Context()
	now, err := s.Now(ctx)
	must(b, err)
	_, err = s.Expire(ctx, now, time.Minute)
	must(b, err)
	_, err = s.Unrouted(ctx, 1000)
	must(b, err)
	_, err = s.DirtyGroups(ctx, now, 100)
	must(b, err)
	done := 0
	for {
		facts, err := s.Dirty(ctx, now, 500)
		must(b, err)
		if len(facts) == 0 {
			break
		}
		evals := make([]opsdb.Evaluation, len(facts))
		for i, f := range facts {
			evals[i] = opsdb.Evaluation{Package: f.Package.ID, Version: f.Package.Version, Moves: f.Moves, Causes: []string{"pause:route:r"}, Wanted: []string{"b.l"}}
		}
		left, err := s.Save(ctx, 1, evals)
		must(b, err)
		done += len(evals) - len(left)
	}
	_, err = s.Ready(ctx, 1000)
	must(b, err)
	_, err = s.NextWake(ctx)
	must(b, err)
	_, err = s.Chain(ctx)
	must(b, err)
	if k >= 0 && done != k {
		b.Fatalf("%d were evaluated, %d have changed", done, k)
	}
}
