//go:build servers

package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// Engines that meet names of slots nobody has used yet make their rows at the same moment, each in another order of its moves: all of them
// come to an end, and no slot is given out twice.
func TestNewSlotsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	const rounds, each = 12, 4
	s := engines(t, each, Options{})
	all := packages(t, s[0], rounds*each)
	for round := range rounds {
		mine := make([][]opsdb.Grant, each)
		for n, p := range all[round*each : (round+1)*each] {
			g := grantOf(t, s[0], p.ID, ship("package"))
			g.Slots = map[string]int{}
			for i := range 8 { // names that are new in this round, wanted by all
				g.Slots[fmt.Sprintf("link:%d>%d", round, (i+2*n)%8)] = 2
			}
			mine[n] = []opsdb.Grant{g}
		}
		granted := make([]bool, each)
		atOnce(t, each, func(n int) error {
			out, err := s[n].Dispatch(t.Context(), 1, mine[n])
			if err == nil {
				granted[n] = out[0].Refusal == opsdb.Granted
			}
			return err
		})
		taken := 0
		for _, yes := range granted {
			if yes {
				taken++
			}
		}
		if taken != 2 {
			t.Errorf("round %d: %d tasks have the two slots", round, taken)
		}
	}
}

// Who takes the names that are there, and then makes one that another transaction is about to make, can be locked out by it and lock it
// out. PostgreSQL ends one of the two; what was ended is done again, and gets what is left.
func TestDeadlockOverANewSlot(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testserver.Postgres(t)
	s := openAt(t, url, Options{})
	all := packages(t, s, 2)
	grant := func(id opsdb.ID, slots map[string]int) opsdb.Grant {
		g := grantOf(t, s, id, ship("package"))
		g.Slots = slots
		return g
	}
	_, err := s.Dispatch(ctx, 1, []opsdb.Grant{grant(all[0].ID, map[string]int{"link:old": 2})})
	must(t, err)
	other, err := pgx.Connect(ctx, url)
	must(t, err)
	defer other.Close(ctx) //nolint:errcheck // a test's
	do := func(sql string) {
		t.Helper()
		if _, err := other.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	do(`SET deadlock_timeout = '1h'`) // so that the store finds it, and is the one that is ended
	do(`BEGIN`)
	do(`INSERT INTO slot (name) VALUES ('link:new')`)
	do(`SAVEPOINT before`)
	do(`SELECT FROM slot WHERE name = 'link:old' FOR UPDATE`)
	next, done := grant(all[1].ID, map[string]int{"link:old": 2, "link:new": 1}), make(chan error, 1)
	var out []opsdb.Dispatched
	go func() {
		var err error
		out, err = s.Dispatch(ctx, 1, []opsdb.Grant{next})
		done <- err
	}()
	untilWaits(t, other)
	do(`ROLLBACK TO before`)                                  // the store has the old one, and waits for the new one
	do(`SELECT FROM slot WHERE name = 'link:old' FOR UPDATE`) // until the store is ended
	select {
	case err := <-done:
		t.Fatalf("nobody was ended: %+v, %v", out, err)
	default:
	}
	do(`COMMIT`)
	must(t, <-done)
	if out[0].Refusal != opsdb.Granted {
		t.Errorf("done again: %+v", out[0])
	}
	var taken int
	must(t, other.QueryRow(ctx, `SELECT count(*) FROM task_slot`).Scan(&taken))
	if taken != 3 {
		t.Errorf("%d slots are taken, not 3", taken)
	}
}

// untilWaits waits until somebody waits for a lock in the database of a connection.
func untilWaits(t *testing.T, c *pgx.Conn) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for n := 0; n == 0; {
		select {
		case <-look.C:
			must(t, c.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`).Scan(&n))
		case <-deadline.C:
			t.Fatal("nobody waits for a lock")
		}
	}
}
