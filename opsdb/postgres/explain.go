package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
)

// What may be wrong with a database before anything is asked of it.
var (
	ErrUnreachable = error(away("PostgreSQL cannot be reached")) // it is [opsdb.ErrAway]
	ErrRefused     = errors.New("PostgreSQL refuses")
	ErrOlder       = fmt.Errorf("%w: let its owner migrate it", opsdb.ErrOlder)
	errURL         = errors.New("this is no address of a PostgreSQL database: say postgres://user@host:5432/name")
)

// away is an error that is [opsdb.ErrAway], in words of its own.
type away string

func (a away) Error() string { return string(a) }

// Is implements what [errors.Is] asks.
func (a away) Is(target error) bool { return target == opsdb.ErrAway } //nolint:errorlint // the sentinel itself

// address is the address of a database without its secrets.
func address(c *pgx.ConnConfig) string {
	if strings.HasPrefix(c.Host, "/") {
		return fmt.Sprintf("%s of user %s in %s", c.Database, c.User, c.Host)
	}
	return fmt.Sprintf("postgres://%s@%s/%s", c.User, net.JoinHostPort(c.Host, fmt.Sprint(c.Port)), c.Database)
}

// Redact is the address of a database as it may be shown.
func Redact(url string) string {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return "(an address that cannot be read)"
	}
	return address(c)
}

// tried is what came of all that was tried to connect, on one line and each once: what is tried with and without TLS mostly
// fails twice alike. Whom it was tried for stands before it already.
type tried struct {
	text string
	error
}

func (t tried) Error() string { return t.text }
func (t tried) Unwrap() error { return t.error }

// onOneLine words what came of connecting on one line.
func onOneLine(err error) error {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return err
	}
	var lines []string
	for line := range strings.Lines(connect.Unwrap().Error()) {
		if line = strings.TrimSpace(line); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, line) }) {
			lines = append(lines, line)
		}
	}
	return tried{strings.Replace(err.Error(), connect.Error(), strings.Join(lines, "; "), 1), err}
}

// explain says in words what PostgreSQL says in codes.
func explain(err error) error {
	err = onOneLine(err)
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch hint, is := hints(e.Code); {
		case is != nil:
			return fmt.Errorf("%w: %s: %w", is, hint, err)
		case hint != "":
			return fmt.Errorf("%s: %w", hint, err)
		}
		return err
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: is it running, and is the address right? %w", ErrUnreachable, err)
	}
	if brokenLine(err) {
		return fmt.Errorf("%w: the connection was lost: %w", ErrUnreachable, err)
	}
	return err
}

// Away reports whether err says that the database cannot be reached now, or broke
// the line: the same may do well later. A database that answers and refuses is not away.
func Away(err error) bool {
	return errors.Is(err, ErrUnreachable) || err != nil && errors.Is(explain(err), ErrUnreachable)
}

func hints(code string) (hint string, is error) {
	switch code {
	case "28P01", "28000":
		return "the user or the password is wrong", ErrRefused
	case "3D000":
		return "there is no database of this name; an administrator can make it with createdb", ErrRefused
	case "42501":
		return "this user may not do that; is it a member of the role it needs?", ErrRefused
	case "53300":
		return "too many connections are open", ErrUnreachable
	case "53100":
		return "the disk of the database is full", nil
	case "57P01", "57P02", "57P03", "25P03":
		return "PostgreSQL ended the connection", ErrUnreachable
	case "25006":
		return "the database can only be read; is it a standby?", ErrRefused
	}
	return "", nil
}

// brokenLine tells an error of a connection from one of a file: both are errors of the system.
func brokenLine(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// lively makes a connection that has been cut fail within half a minute, not within hours.
func lively(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 30_000) // of no meaning on other sockets
	})
}
