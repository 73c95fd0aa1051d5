//go:build servers

package bench_test

import (
	"fmt"
	"os"
	"runtime/pprof"
	"strings"

	"github.com/ccatobs/cdt/clock"
)

// CDT_BENCH_STATEMENTS=yes shows the statements PostgreSQL spent its time on;
// CDT_BENCH_PROFILE=DIR has each worker write the profiles of its processor time and of what it allocates there.
const (
	showStatements = "CDT_BENCH_STATEMENTS"
	profileFolder  = "CDT_BENCH_PROFILE"
)

// preload is the settings of a server that counts statements, if that was asked for.
func preload() []string {
	if os.Getenv(showStatements) == "" {
		return nil
	}
	return []string{"shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=all", "pg_stat_statements.track_planning=on"}
}

// countStatements begins anew.
func (l *lab) countStatements() {
	if os.Getenv(showStatements) != "" {
		l.exec(`CREATE EXTENSION IF NOT EXISTS pg_stat_statements`)
		l.exec(`SELECT pg_stat_statements_reset()`)
	}
}

// printStatements prints the statements that took longest in all.
func (l *lab) printStatements() {
	if os.Getenv(showStatements) == "" {
		return
	}
	rows, err := l.conn.Query(l.Context(), `SELECT calls, plans, total_exec_time, total_plan_time, rows, query FROM pg_stat_statements ORDER BY total_exec_time + total_plan_time DESC LIMIT 45`)
	l.check(err)
	for rows.Next() {
		var calls, plans, n int64
		var took, planned float64
		var query string
		l.check(rows.Scan(&calls, &plans, &took, &planned, &n, &query))
		query = strings.Join(strings.Fields(query), " ")
		fmt.Printf("%8.0f ms %7d calls, planned %7d times in %6.0f ms, %8d rows  %.150s\n", took, calls, plans, planned, n, query)
	}
	l.check(rows.Err())
}

// profile writes where this process spends its processor time, and what it allocates; the function it returns ends that.
func profile(name string) (stop func()) {
	dir := os.Getenv(profileFolder)
	if dir == "" {
		return func() {}
	}
	f, err := os.Create(fmt.Sprintf("%s/%s-%d.pprof", dir, name, clock.System{}.Now().Unix()))
	if err != nil {
		return func() {}
	}
	_ = pprof.StartCPUProfile(f)
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
		if f, err = os.Create(f.Name() + ".allocs"); err == nil {
			_ = pprof.Lookup("allocs").WriteTo(f, 0)
			_ = f.Close()
		}
	}
}
