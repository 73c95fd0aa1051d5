//go:build servers

package river

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/testserver"
)

// TestDoneJobsAreLookedUp shows that no other job is looked at when some are removed, however few or many run.
func TestDoneJobsAreLookedUp(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testserver.Postgres(t)
	if err := Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	pool, err := connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, state := range []string{"available", "running"} {
		if _, err := pool.Exec(ctx, `INSERT INTO river.river_job (args, kind, max_attempts, queue, state) SELECT '{}', 'run_task', 1, 'cologne', $1::text::river.river_job_state FROM generate_series(1, 2000)`, state); err != nil {
			t.Fatal(err)
		}
		if _, err := pool.Exec(ctx, `ANALYZE river.river_job`); err != nil {
			t.Fatal(err)
		}
		plan := planOf(t, pool.Config().ConnConfig, removeDone)
		if strings.Count(plan, "Scan") != 3 || !strings.Contains(plan, "Tid Scan on river_job") || !strings.Contains(plan, "Index Scan using river_job_pkey") {
			t.Errorf("with 2,000 jobs %s:\n%s", state, plan)
		}
	}
}

// planOf is how a statement on a list of jobs is done, as the queue's connections plan it: once, whatever is in the list.
func planOf(t *testing.T, config *pgx.ConnConfig, sql string) string {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the test ends
	if _, err := conn.Exec(t.Context(), `PREPARE done (bigint[]) AS `+sql); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `EXPLAIN (COSTS OFF) EXECUTE done ('{1,2}')`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
