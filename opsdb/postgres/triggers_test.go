//go:build servers

package postgres

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// What is counted as rows change, against what it comes to if everything is counted anew: rows that differ.
var countedAnew = map[string]string{ //nolint:gochecknoglobals // a table of a test
	"tasks":      differing(`SELECT state, count(*) FROM task GROUP BY 1`, `SELECT a, sum(count) FROM tally_now WHERE kind = 'task' GROUP BY 1 HAVING sum(count) <> 0`),
	"open tasks": differing(`SELECT package, to_loc, id, look_at FROM task WHERE open`, `SELECT package, to_loc, task, look_at FROM open_task`),
	"copies": differing(`SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM copy c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3`,
		tallied(`'copy', 'used', 'reserved', 'backfill'`)),
	"files": differing(`SELECT 'file', location, state, count(*), sum(size) FROM file GROUP BY 2, 3
	  UNION ALL SELECT 'homeless', location, '', count(*), sum(size) FROM file WHERE homes = 0 AND state = 'present' GROUP BY 2`, tallied(`'file', 'homeless'`)),
}

func tallied(kinds string) string {
	return `SELECT kind, a, b, sum(count), sum(bytes) FROM tally_now WHERE kind IN (` + kinds + `) GROUP BY 1, 2, 3 HAVING sum(count) <> 0 OR sum(bytes) <> 0`
}

func differing(a, b string) string {
	return `SELECT count(*) FROM ((` + a + ` EXCEPT ` + b + `) UNION ALL (` + b + ` EXCEPT (` + a + `))) x`
}

// Whatever statements change, of no row, of one or of several, the sums are right, and what is a fact for an evaluation raises the version
// of its package once: each trigger has one way for one row and another for many.
func TestTriggersCountRight(t *testing.T) {
	t.Parallel()
	s := engines(t, 1, Options{})[0]
	for _, p := range packages(t, s, 8) {
		for _, to := range []string{"a.b", "b.b"} {
			m := ship("package")
			m.To = to
			out, err := s.Dispatch(t.Context(), 1, []opsdb.Grant{grantOf(t, s, p.ID, m)})
			if must(t, err); out[0].Refusal != opsdb.Granted {
				t.Fatalf("%+v", out)
			}
		}
	}
	run := func(sql string) {
		t.Helper()
		if _, err := s.pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%v in %s", err, sql)
		}
	}
	run(`CREATE TABLE moved (package text); CREATE TABLE before (id text, version bigint)`)
	run(`CREATE FUNCTION moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	  INSERT INTO moved SELECT DISTINCT package FROM (
	    SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try, false FROM new_rows
	    EXCEPT SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try,
	      state = 'scheduled' AND lease_until < now() + interval '1 minute' FROM old_rows) x; RETURN NULL; END $$`)
	run(`CREATE TRIGGER moves AFTER UPDATE ON task REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION moves()`)
	dice := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		run(`TRUNCATE moved, before; INSERT INTO before SELECT id, version FROM package_state`)
		sql := change(dice)
		run(sql)
		wrong := map[string]string{}
		for what, query := range countedAnew {
			wrong[what] = query
		}
		if strings.HasPrefix(sql, "UPDATE task") || strings.Contains(sql, "INSERT") {
			wrong["versions"] = `SELECT count(*) FROM package_state s JOIN before b USING (id) WHERE s.version > b.version + 1 OR s.version = b.version AND s.id IN (SELECT package FROM moved)`
		}
		for what, query := range wrong {
			var differ int
			if must(t, s.pool.QueryRow(t.Context(), query).Scan(&differ)); differ > 0 {
				t.Fatalf("after %d: %s: %d %s are not as they are counted", n, sql, differ, what)
			}
		}
	}
}

// change is a statement that changes some rows.
func change(dice *rand.Rand) string {
	one := func(of ...string) string { return of[dice.IntN(len(of))] }
	rows := one("0", "1", "1", "1", "2", "3", "7")
	made := `WITH made AS (INSERT INTO %[1]s (id, package, %[2]s) SELECT gen_random_uuid()::text, package, %[3]s FROM %[1]s ORDER BY random() LIMIT ` + rows + ` RETURNING package)
	  INSERT INTO moved SELECT DISTINCT package FROM made`
	switch dice.IntN(5) {
	case 0:
		state, lease, more, among := one("pending", "scheduled", "in_progress", "completed", "failed", "withdrawn"), "NULL::timestamptz", one("", ", attempts = attempts + 1", ", next_try = now()", ", next_try = NULL", ", piece = 'receive'", ", piece = 'send'"), "true"
		if state == "scheduled" || state == "in_progress" {
			lease = one("now() + interval '30 seconds'", "now() + interval '5 minutes'")
		}
		if state == "in_progress" { // as claims do, and renewals
			more, among = "", "state IN ('scheduled', 'in_progress')"
		}
		return fmt.Sprintf(`UPDATE task SET state = '%s', lease_until = %[2]s, look_at = %[2]s%s WHERE id IN (SELECT id FROM task WHERE %s ORDER BY random() LIMIT %s)`, state, lease, more, among, rows)
	case 1:
		return fmt.Sprintf(`UPDATE copy SET state = '%s', backfill = random() < 0.5, size = size + %s WHERE id IN (SELECT id FROM copy ORDER BY random() LIMIT %s)`,
			one("expected", "arrived", "present", "staged", "deletion_possible", "deleted", "lost", "quarantined"), one("0", "1"), rows)
	case 2:
		return fmt.Sprintf(made, "copy", "location, form, path, state, size, backfill", fmt.Sprintf(`gen_random_uuid()::text, '%s', path, '%s', size, random() < 0.5`, one("files", "tar"), one("expected", "present", "deleted")))
	case 3:
		same := "route, stage, type, from_loc, link, send_site, receive_site, piece, class, priority, bytes, revision, epoch, claim_by, source_copy, target_copy, form, path, expect, created_at, updated_at"
		return fmt.Sprintf(made, "task", same+", to_loc, state, lease_until, look_at", same+", gen_random_uuid()::text, "+one("'scheduled', now(), now()", "'pending', NULL, NULL", "'completed', NULL, NULL"))
	}
	return fmt.Sprintf(`UPDATE file SET homes = %s, state = '%s' WHERE id IN (SELECT id FROM file ORDER BY random() LIMIT %s)`, one("0", "1"), one("present", "present", "lost", "deleted"), rows)
}
