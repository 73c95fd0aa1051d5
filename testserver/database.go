package testserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PostgresDatabase makes a database on a server that Postgres started and
// returns how to connect to it, so that many tests share one server. It is a
// copy of another one that nobody has open, given as its connection string, or empty (""). It is gone with the test.
func PostgresDatabase(t testing.TB, server, template string) string {
	t.Helper()
	name := "t" + strings.ToLower(rand.Text()[:12])
	of := "template1"
	if template != "" {
		of = databaseOf(t, template)
	}
	PostgresExec(t, server, "CREATE DATABASE "+name+" TEMPLATE "+of+" STRATEGY file_copy")
	t.Cleanup(func() { PostgresExec(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	return strings.Replace(server, "dbname="+databaseOf(t, server), "dbname="+name, 1)
}

func databaseOf(t testing.TB, url string) string {
	t.Helper()
	c, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return c.Database
}

// PostgresExec runs statements. Not bound to the test's context: that ends before the clean-ups.
func PostgresExec(t testing.TB, server string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*patience)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx) //nolint:errcheck // it has said what it had to say
	for _, s := range statements {
		if _, err := c.Exec(ctx, s); err != nil {
			t.Error(fmt.Errorf("%s: %w", s, err))
		}
	}
}
