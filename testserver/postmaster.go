package testserver

import (
	"context"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// PostgresServer is a PostgreSQL of a test's own that can be stopped and started again.
type PostgresServer struct {
	DSN string // as Postgres returns it

	t    testing.TB
	as   *syscall.Credential
	dir  string // of its socket
	data string
	args []string
}

// How PostgreSQL is stopped: as pg_ctl calls it.
const (
	StopFast      = "fast"      // transactions are rolled back, and everything is written
	StopImmediate = "immediate" // as in a crash: it recovers from its log when it starts
)

// PostgresThatStops starts an empty PostgreSQL like Postgres, for a test that
// stops it and starts it again on the same data and socket.
func PostgresThatStops(t testing.TB) *PostgresServer {
	t.Helper()
	p := newPostgres(t, memory(), nil, "-c", "listen_addresses=")
	p.DSN = "host=" + p.dir + " user=cdt dbname=postgres sslmode=disable"
	p.Start()
	return p
}

// newPostgres makes the data of a server that does not run yet, below a folder: of one that trusts everybody, or as initdb is told.
func newPostgres(t testing.TB, in string, init []string, args ...string) *PostgresServer {
	t.Helper()
	p := &PostgresServer{t: t, as: unprivileged(t, "postgres", "nobody")}
	p.dir = folderIn(t, in, p.as)
	p.data = filepath.Join(p.dir, "data")
	p.args = append([]string{"-D", p.data, "-k", p.dir,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300", "-c", "log_destination=stderr"}, args...)
	if init == nil {
		copyCluster(t, cluster(t), p.data, p.as)
	} else {
		initCluster(t, p.as, p.data, init...)
	}
	return p
}

// Start starts it, and waits until it is ready, recovery included.
func (p *PostgresServer) Start() {
	p.t.Helper()
	program := Need(p.t, "postgres", "postgresql", debianPostgres)
	// Not bound to the test's context: that ends before the clean-up that stops it.
	cmd := exec.CommandContext(context.WithoutCancel(p.t.Context()), program, p.args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	server{name: "PostgreSQL", cmd: cmd, ready: "ready to accept connections", signal: syscall.SIGQUIT}.start(p.t)
}

// Stop has pg_ctl stop it in a mode, and waits until it has ended: every connection is gone.
func (p *PostgresServer) Stop(mode string) {
	p.t.Helper()
	runOnce(p.t, p.as, Need(p.t, "pg_ctl", "postgresql", debianPostgres), "stop", "-w", "-D", p.data, "-m", mode)
}
