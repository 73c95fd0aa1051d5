//go:build servers

package testserver_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/testserver"
)

func TestPostgresAnswersAndForgets(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("while it runs", func(t *testing.T) {
		dsn = testserver.Postgres(t)
		if out, err := ask(t, dsn); err != nil || strings.TrimSpace(out) != "42" {
			t.Errorf("it answered %q, %v", out, err)
		}
	})
	if out, err := ask(t, dsn); err == nil {
		t.Errorf("after its test it still answers %q", out)
	}
}

// What was committed is there again, however the server was stopped.
func TestPostgresIsStoppedAndStartedAgain(t *testing.T) {
	t.Parallel()
	p := testserver.PostgresThatStops(t)
	testserver.PostgresExec(t, p.DSN, "CREATE TABLE kept (n int)")
	for _, mode := range []string{testserver.StopFast, testserver.StopImmediate} {
		testserver.PostgresExec(t, p.DSN, "INSERT INTO kept VALUES (1)")
		p.Stop(mode)
		if out, err := ask(t, p.DSN); err == nil {
			t.Errorf("stopped %s it still answers %q", mode, out)
		}
		p.Start()
	}
	testserver.PostgresExec(t, p.DSN, "DO $$ BEGIN IF (SELECT count(*) FROM kept) <> 2 THEN RAISE 'lost'; END IF; END $$")
}

func ask(t *testing.T, dsn string) (string, error) {
	psql := testserver.Need(t, "psql", "postgresql-client")
	out, err := exec.CommandContext(t.Context(), psql, "-X", "-A", "-t", "-c", "SELECT 6*7", dsn).CombinedOutput()
	return string(out), err
}
