//go:build servers

package main

import (
	"strings"
	"testing"

	"github.com/ccatobs/cdt/testserver"
)

// secret is a password no message may show.
const secret = "hush-hush"

// bad is a database with something wrong, and what every verb must say about it.
type bad struct {
	name  string
	spoil []string                // as the administrator
	url   func(url string) string // the address people give
	says  []string
}

func asAda(url string) string { return strings.Replace(url, "cdt@", "ada:"+secret+"@", 1) }

// A database that is missing, refuses, or is older or newer: status, an engine and a worker say
// what is wrong, where, and what to do; none changes anything, or shows a password.
func TestWrongDatabases(t *testing.T) {
	t.Parallel()
	const ada = "CREATE ROLE ada LOGIN PASSWORD 'another'"
	tests := []bad{
		{"no such database", nil, func(url string) string { return strings.Replace(url, "/postgres?", "/nowhere?", 1) },
			[]string{"there is no database of this name", "nowhere"}},
		{"wrong password", []string{
			ada, "DO $$ BEGIN EXECUTE format('COPY (SELECT unnest(ARRAY[''local all ada scram-sha-256'', ''local all all trust''])) TO %L', current_setting('hba_file')); END $$",
			"SELECT pg_reload_conf()",
		}, asAda, []string{"the user or the password is wrong", "user ada"}},
		{"no such user", nil, func(url string) string { return strings.Replace(url, "cdt@", "eve:"+secret+"@", 1) }, []string{"the user or the password is wrong", "user eve"}},
		{"newer schema", []string{"INSERT INTO cdt_schema_version (version_id, is_applied) VALUES (9999, true)"},
			func(url string) string { return url }, []string{"newer than this program", "schema 9999", "use that version"}},
		{"older schema of another owner", []string{ada, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ada", "DELETE FROM cdt_schema_version WHERE version_id = (SELECT max(version_id) FROM cdt_schema_version)"},
			asAda, []string{"older than this program", "as the owner of the database"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := testserver.Postgres(t)
			f := newFleet(t, server, "MB(64)")
			first := f.engine()
			first.waitFor(`"msg":"serving"`)
			first.stop()
			testserver.PostgresExec(t, server, tt.spoil...)
			url := tt.url(f.url)
			for _, args := range [][]string{
				{"status"}, {"serve", "--role", "engine", "--routes", f.routes()}, {"work", "--site", "ccat", "--state", t.TempDir()},
			} {
				out, errs := dtctl(t, exitFound, append(args, "--db", url)...)
				for _, want := range append(tt.says, "hint: ") {
					if !strings.Contains(errs, want) {
						t.Errorf("%s does not say %q:\n%s", args[0], want, errs)
					}
				}
				if strings.Contains(out+errs, secret) {
					t.Errorf("%s shows the password:\n%s%s", args[0], out, errs)
				}
			}
		})
	}
}

// A worker beside an engine of another version takes no work, and says which of them is the older.
func TestWorkerBesideAnotherVersion(t *testing.T) {
	t.Parallel()
	server := testserver.Postgres(t)
	f := newFleet(t, server, "MB(64)")
	engine := f.engine()
	engine.waitFor(`"msg":"serving"`)
	engine.stop()
	for protocol, want := range map[string]string{"99": "is older than the engine", "-1": "is newer than the engine"} {
		testserver.PostgresExec(t, server, "DELETE FROM worker",
			"INSERT INTO worker (id, sites, version, seen_at, at_once, protocol) VALUES ('there:engine', '[]', 'v9.9', now(), 0, "+protocol+")")
		_, errs := dtctl(t, exitFound, "work", "--site", "ccat", "--db", f.url, "--state", t.TempDir())
		for _, text := range []string{want, "there:engine", "v9.9", "hint: install the same version"} {
			if !strings.Contains(errs, text) {
				t.Errorf("beside protocol %s the worker does not say %q:\n%s", protocol, text, errs)
			}
		}
	}
}
