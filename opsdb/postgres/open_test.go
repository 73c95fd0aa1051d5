//go:build servers

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

func TestOpenAgainKeepsEpoch(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	var epochs []string
	for range 2 {
		s, err := Open(t.Context(), url, Options{})
		must(t, err)
		w, err := s.World(t.Context())
		must(t, err)
		epochs = append(epochs, w.Epoch)
		must(t, s.Close(), s.Close())
		if _, err := s.World(t.Context()); err == nil {
			t.Fatal("a closed store answers")
		}
	}
	if epochs[0] == "" || epochs[0] != epochs[1] {
		t.Fatalf("epochs %q", epochs)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	server, template := migrated(t)
	port := testserver.Port(t)
	testserver.PostgresExec(t, server, `CREATE ROLE locked LOGIN PASSWORD 'right'`, `CREATE ROLE nobody LOGIN`)
	newer := testserver.PostgresDatabase(t, server, template)
	testserver.PostgresExec(t, newer, `INSERT INTO cdt_schema_version (version_id, is_applied) VALUES (9999, true)`)
	older := testserver.PostgresDatabase(t, server, template)
	testserver.PostgresExec(t, older, `DELETE FROM cdt_schema_version WHERE version_id > 1`)
	kept := testserver.PostgresDatabase(t, server, older)
	none := testserver.PostgresDatabase(t, server, "")
	empty := testserver.PostgresDatabase(t, server, "")
	for name, c := range map[string]struct {
		url  string
		want error
		says string
		keep bool
	}{
		"no address":             {"postgres://user:s3cret@host:port:x/", errURL, "postgres://user@host", false},
		"nobody there":           {fmt.Sprintf("postgres://cdt:s3cret@127.0.0.1:%d/x", port), ErrUnreachable, "is it running", false},
		"no such host":           {"postgres://cdt:s3cret@no-such-host.invalid/x", ErrUnreachable, "is the address right", false},
		"no such user":           {strings.Replace(server, "user=cdt", "user=who", 1) + " password=s3cret", ErrRefused, "user or the password", false},
		"no such name":           {strings.Replace(server, "dbname=postgres", "dbname=none", 1), ErrRefused, "createdb", false},
		"newer":                  {newer, opsdb.ErrNewer, "9999", false},
		"older, a worker":        {as(older, "worker"), ErrOlder, "let its owner migrate", false},
		"empty, no right":        {strings.Replace(empty, "user=cdt", "user=nobody", 1), ErrOlder, "no schema yet", false},
		"no role":                {strings.Replace(template, "user=cdt", "user=nobody", 1), ErrRefused, "member of the role", false},
		"older, its owner looks": {kept, ErrOlder, "let its owner migrate", true},
		"empty, its owner looks": {none, ErrOlder, "no schema yet", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), c.url, Options{Keep: c.keep})
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("it tells the password: %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), "dial error") > 1) {
				t.Errorf("it says the same twice: %v", err)
			}
		})
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	url := testserver.PostgresWithPassword(t, "right")
	openAt(t, url, Options{})
	_, err := Open(t.Context(), strings.Replace(url, "right", "wr0ng", 1), Options{})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "user or the password is wrong") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("%v", err)
	}
	if shown := Redact(url); strings.Contains(shown, "right") || !strings.Contains(shown, "postgres://cdt@127.0.0.1:") {
		t.Errorf("shown as %s", shown)
	}
	if shown := Redact("postgres://u:right@h:x"); strings.Contains(shown, "right") {
		t.Errorf("shown as %s", shown)
	}
}

// The owner migrates, as cdt_owner; an older schema is brought up by whoever of them comes first.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	server, _ := migrated(t)
	url := testserver.PostgresDatabase(t, server, "")
	must(t, CreateRoles(t.Context(), url))
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() { errs <- Migrate(t.Context(), as(url, "owner")) }()
	}
	for range cap(errs) {
		must(t, <-errs)
	}
	openAt(t, as(url, "engine"), Options{})
	openAt(t, as(url, "worker"), Options{})
}

// The connections of a store are cut; it goes on by itself, and hears of others again.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	s, other := openAt(t, url, Options{Sweep: time.Hour}), openAt(t, url, Options{Name: "other"})
	heard := func() {
		t.Helper()
		select {
		case <-s.Changed():
		case <-time.After(2 * time.Minute):
			t.Fatal("nothing was heard")
		}
	}
	drain := func() {
		for {
			select {
			case <-s.Changed():
			case <-time.After(300 * time.Millisecond):
				return
			}
		}
	}
	drain()
	must(t, other.ConfirmTime(t.Context(), "ada"))
	must(t, other.Pause(t.Context(), opsdb.Pause{Subject: "route:x", Who: "ada"}))
	heard()
	testserver.PostgresExec(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cdt'`)
	heard() // what was told meanwhile was not heard
	eventually(t, func() error { return s.Pause(t.Context(), opsdb.Pause{Subject: "route:y", Who: "ada"}) })
	drain()
	must(t, other.Resume(t.Context(), "route:x", "ada"))
	heard()
}

// eventually tries until it works: a lost connection may cost one call.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for err := f(); err != nil; err = f() {
		if !errors.Is(err, ErrUnreachable) || !errors.Is(err, opsdb.ErrAway) {
			t.Fatalf("not explained: %v", err)
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// The sweep says something though nobody else did.
func TestSweep(t *testing.T) {
	t.Parallel()
	s := openAt(t, testserver.Postgres(t), Options{Sweep: 50 * time.Millisecond})
	for range 4 {
		select {
		case <-s.Changed():
		case <-time.After(2 * time.Minute):
			t.Fatal("no sweep")
		}
	}
}
