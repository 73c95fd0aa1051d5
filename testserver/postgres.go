package testserver

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// debianPostgres is where Debian keeps the programs of a server.
const debianPostgres = "/usr/lib/postgresql/*/bin"

// Postgres starts an empty PostgreSQL and returns how to connect to its
// database postgres as user cdt: a connection string of keywords, for a socket in a folder
// of its own. It syncs nothing and is gone with the test.
func Postgres(t testing.TB) string {
	t.Helper()
	return PostgresWith(t, "fsync=off", "full_page_writes=off", "max_connections=300")
}

// PostgresWith is Postgres with settings of the test's own ("port=5433"), and
// otherwise those of a new server: it syncs, as long as nothing says otherwise.
func PostgresWith(t testing.TB, settings ...string) string {
	t.Helper()
	initdb := Need(t, "initdb", "postgresql", debianPostgres)
	postgres := Need(t, "postgres", "postgresql", debianPostgres)
	as := unprivileged(t, "postgres", "nobody")
	dir := folder(t, as)
	data := filepath.Join(dir, "data")
	runOnce(t, as, initdb, "--no-sync", "--auth=trust", "--username=cdt", "--encoding=UTF8", "--locale=C", "-D", data)
	// Not bound to the test's context: that ends before the clean-up that stops it.
	args := []string{"-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "log_destination=stderr"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), postgres, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	server{name: "PostgreSQL", cmd: cmd, ready: "ready to accept connections", signal: syscall.SIGQUIT}.start(t)
	return "host=" + dir + " user=cdt dbname=postgres sslmode=disable"
}
