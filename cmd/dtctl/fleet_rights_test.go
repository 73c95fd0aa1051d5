//go:build servers

package main

import (
	"strings"
	"testing"

	"github.com/ccatobs/cdt/testserver"
)

// Whoever only looks, or gives an order, leaves an older or empty database as it is, its owner too: others may be at work by it.
func TestLookingKeepsTheSchema(t *testing.T) {
	t.Parallel()
	server := testserver.Postgres(t)
	f := newFleet(t, server, "MB(64)")
	see := func() {
		t.Helper()
		for _, args := range [][]string{{"status"}, {"doctor", "--site", "ccat", "--state", t.TempDir()}, {"tasks"}, {"audit", "verify"}, {"pause", "route:raw"}} {
			out, errs := dtctl(t, exitFound, append(args, "--db", f.url)...)
			for _, want := range []string{"older than this program", "dtctl migrate"} {
				if !strings.Contains(out+errs, want) {
					t.Errorf("%s does not say %q:\n%s%s", args[0], want, out, errs)
				}
			}
		}
	}
	see()
	if n := f.number(`SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`); n > 0 {
		t.Errorf("who looked made %d tables", n)
	}
	dtctl(t, exitGood, "migrate", "--db", f.url)
	testserver.PostgresExec(t, server, "DELETE FROM cdt_schema_version WHERE version_id = (SELECT max(version_id) FROM cdt_schema_version)")
	const version = `SELECT max(version_id) FROM cdt_schema_version`
	before := f.number(version)
	see()
	if after := f.number(version); after != before {
		t.Errorf("who looked brought the schema from %d to %d", before, after)
	}
}

// number is the answer to a query.
func (f *fleet) number(query string) (n int) {
	f.t.Helper()
	if err := f.connect().QueryRow(f.t.Context(), query).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// A process whose user has not the rights of its role says so and ends; a site with sources needs one role more.
func TestWithoutTheRightsOfItsRole(t *testing.T) {
	t.Parallel()
	server := testserver.Postgres(t)
	f := newFleet(t, server, "MB(64)")
	dtctl(t, exitGood, "migrate", "--roles", "--db", f.url)
	testserver.PostgresExec(t, server, "CREATE ROLE rita LOGIN IN ROLE cdt_reader", "CREATE ROLE enno LOGIN IN ROLE cdt_engine", "CREATE ROLE walt LOGIN IN ROLE cdt_worker",
		"CREATE ROLE bo LOGIN IN ROLE cdt_worker, cdt_engine", "CREATE ROLE wendy LOGIN IN ROLE cdt_worker, cdt_api")
	as := func(user string) string { return strings.Replace(f.url, "cdt@", user+"@", 1) }
	engine := func(user string) []string {
		return []string{"serve", "--role", "engine", "--routes", f.routes(), "--db", as(user)}
	}
	work := func(user string) []string {
		return []string{"work", "--site", "ccat", "--state", t.TempDir(), "--db", as(user)}
	}
	for want, args := range map[string][]string{
		"user rita has not the rights of cdt_worker": work("rita"),
		"user rita has not the rights of cdt_engine": engine("rita"), "user walt has not the rights of cdt_engine": engine("walt"),
	} {
		_, errs := dtctl(t, exitFound, args...)
		for _, want := range []string{want, "hint: ", "GRANT cdt_"} {
			if !strings.Contains(errs, want) {
				t.Errorf("%v does not say %q:\n%s", args, want, errs)
			}
		}
	}
	f.users = map[string]string{"serve": "enno", "work": "walt"}
	f.engine().waitFor(`"msg":"serving"`)
	w := f.worker("ccat")
	w.waitFor("no file will be found: the user of the database has not the rights of cdt_api")
	w.waitFor(`"msg":"working"`)
	out, _ := dtctl(t, exitFound, "doctor", "--site", "ccat", "--state", t.TempDir(), "--db", as("walt"))
	for _, want := range []string{"it has not the rights of cdt_api: no file is found at ccat.primecam", "GRANT cdt_api TO walt"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "may do more than a worker") {
		t.Errorf("doctor says a worker's login has too many rights:\n%s", out)
	}
	f.mayMore()
}

// mayMore has workers whose logins may more than they need: they are told, and work; who is told nothing has what it needs.
func (f *fleet) mayMore() {
	f.t.Helper()
	for _, c := range []struct{ user, site, rights string }{
		{"bo", "cologne", "cdt_engine"}, {"wendy", "cologne", "cdt_api"}, {"wendy", "ccat", ""}, {"walt", "cologne", ""},
		{"cdt", "ccat", "cdt_engine"}, // the owner, as in a trial
	} {
		out, _ := dtctl(f.t, exitFound, "doctor", "--site", c.site, "--state", f.t.TempDir(), "--db", strings.Replace(f.url, "cdt@", c.user+"@", 1))
		said := "it may do more than a worker of " + c.site + " does: whatever " + c.rights + " may"
		if told := strings.Contains(out, "it may do more than a worker"); told != (c.rights != "") || told && !strings.Contains(out, said) {
			f.t.Errorf("doctor, of the login %s at %s:\n%s", c.user, c.site, out)
		}
	}
	f.users["work"] = "bo"
	w := f.worker("cornell")
	w.waitFor("the user of the database may do more than a worker here does")
	w.waitFor(`"msg":"working"`)
}
