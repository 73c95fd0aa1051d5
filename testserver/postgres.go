package testserver

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// debianPostgres is where Debian keeps the programs of a server.
const debianPostgres = "/usr/lib/postgresql/*/bin"

// Postgres starts an empty PostgreSQL and returns how to connect to its
// database postgres as user cdt: a connection string of keywords, for a socket in a folder
// of its own. It syncs nothing, has its data in memory where there is room, and is gone with the test.
func Postgres(t testing.TB) string {
	t.Helper()
	dir := startPostgres(t, memory(), nil, "-c", "listen_addresses=")
	return "host=" + dir + " user=cdt dbname=postgres sslmode=disable"
}

// PostgresWithPassword is like Postgres, but listens on a TCP port of this
// host and asks for a password; the address is a URL.
func PostgresWithPassword(t testing.TB, password string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password), 0o644); err != nil {
		t.Fatal(err)
	}
	for dir := file; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	port := Port(t)
	startPostgres(t, memory(), []string{"--auth=scram-sha-256", "--pwfile=" + file}, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(port))
	return fmt.Sprintf("postgres://cdt:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port)
}

// PostgresWith is Postgres with settings of the test's own ("port=5433"), and
// otherwise those of a new server: what it says is committed is on the disk.
func PostgresWith(t testing.TB, settings ...string) string {
	t.Helper()
	args := []string{"-c", "listen_addresses=", "-c", "fsync=on", "-c", "full_page_writes=on"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	dir := startPostgres(t, "", nil, args...)
	return "host=" + dir + " user=cdt dbname=postgres sslmode=disable"
}

// startPostgres returns the folder of its socket.
func startPostgres(t testing.TB, in string, init []string, args ...string) (dir string) {
	t.Helper()
	p := newPostgres(t, in, init, args...)
	p.Start()
	return p.dir
}
