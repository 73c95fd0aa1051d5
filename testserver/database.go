package testserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PostgresDatabase makes an empty database on a server that Postgres started
// and returns how to connect to it, so that many tests share one server. It is gone with the test.
func PostgresDatabase(t testing.TB, server string) string {
	t.Helper()
	name := "t" + strings.ToLower(rand.Text()[:12])
	onServer(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { onServer(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	return strings.Replace(server, "dbname=postgres", "dbname="+name, 1)
}

// onServer runs a statement. Not bound to the test's context: that ends before the clean-ups.
func onServer(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err == nil {
		_, err = c.Exec(ctx, statement)
		_ = c.Close(ctx)
	}
	if err != nil {
		t.Error(fmt.Errorf("%s: %w", statement, err))
	}
}
