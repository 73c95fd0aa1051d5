//go:build servers

package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/opsdbtest"
	"github.com/ccatobs/cdt/testserver"
)

// TestConformance runs the suite with every port in the role that uses it: so
// each role may do what its work is.
func TestConformance(t *testing.T) {
	t.Parallel()
	server, template := migrated(t)
	opsdbtest.Run(t, func(t *testing.T, c clock.Clock) opsdb.Store {
		url := testserver.PostgresDatabase(t, server, template)
		t.Cleanup(func() { knowsWhatIsOpen(t, url) })
		return openByRole(t, url, c)
	})
}

// knowsWhatIsOpen holds the table of what is open against the tasks.
func knowsWhatIsOpen(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	must(t, err)
	defer c.Close(ctx) //nolint:errcheck // the test is over
	const tasks, table = `SELECT package, to_loc, id, look_at FROM task WHERE open`, `SELECT package, to_loc, task, look_at FROM open_task`
	var wrong int
	must(t, c.QueryRow(ctx, `SELECT count(*) FROM ((`+tasks+` EXCEPT `+table+`) UNION ALL (`+table+` EXCEPT `+tasks+`)) x`).Scan(&wrong))
	if wrong > 0 {
		t.Errorf("%d rows of open_task are not what is open of task", wrong)
	}
}

// migrated is a server with the roles, a login for each, and a database to be copied.
func migrated(t *testing.T) (server, template string) {
	t.Helper()
	server = testserver.Postgres(t)
	template = testserver.PostgresDatabase(t, server, "")
	must(t, CreateRoles(t.Context(), template))
	must(t, Migrate(t.Context(), template))
	for _, role := range []string{"owner", "engine", "worker", "api", "reader"} {
		testserver.PostgresExec(t, server, "CREATE ROLE a_"+role+" LOGIN IN ROLE cdt_"+role)
	}
	testserver.PostgresExec(t, server, "CREATE ROLE a_watcher LOGIN IN ROLE cdt_worker, cdt_api") // a worker of a site with sources
	return server, template
}

// as is the address of a database for a login of a role.
func as(url, role string) string { return strings.Replace(url, "user=cdt", "user=a_"+role, 1) }

// byRole is a store each port of which is open in its role.
type byRole struct {
	opsdb.Filing
	opsdb.Planning
	opsdb.Working
	opsdb.Operating
	opsdb.Reading
	opsdb.Restoring
	engine *Store
}

// noticing is who notices that the database was put back: a worker, a person. Who trusts it again has the rights of an engine.
type noticing struct {
	*Store
	worker, api *Store
}

func (n noticing) Recognise(ctx context.Context, seen opsdb.Seen, who string) (opsdb.Seen, error) {
	return n.worker.Recognise(ctx, seen, who)
}

func (n noticing) MarkRestored(ctx context.Context, who, why string) error {
	return n.api.MarkRestored(ctx, who, why)
}

func (b byRole) Now(ctx context.Context) (time.Time, error) { return b.engine.Now(ctx) }
func (b byRole) Changed() <-chan struct{}                   { return b.engine.Changed() }
func (b byRole) Close() error                               { return nil }

func openByRole(t *testing.T, url string, c clock.Clock) opsdb.Store {
	t.Helper()
	engine := openAt(t, as(url, "engine"), Options{Clock: c, Connections: 4}) // first: it gives the database its epoch
	open := func(role string) *Store {
		return openAt(t, as(url, role), Options{Clock: c, Connections: 2, with: engine})
	}
	api, worker := open("api"), open("worker")
	return byRole{Filing: api, Planning: engine, Working: worker, Operating: api, Reading: open("reader"), Restoring: noticing{engine, worker, api}, engine: engine}
}

// openAt opens a store that the test's end closes.
func openAt(t *testing.T, url string, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
