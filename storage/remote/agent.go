package remote

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport/ssh"
)

// Options of an agent's client. Zero fields take the value named.
type Options struct {
	Link    string // "ccat>cologne", for errors
	Host    ssh.Host
	Program string        // dtctl at the other end; "dtctl"
	Begin   time.Duration // how long an agent may take until it speaks; 30 s
	Idle    time.Duration // after which an unused connection is closed; 10 min
	Ping    time.Duration // between signs of life while something runs; 30 s
}

// Agent is `dtctl agent` at a host. One connection is shared by all calls; it
// is made when it is needed, and made again after a loss.
type Agent struct {
	opts Options

	gate  chan struct{} // holds one while somebody looks at what follows; a dial takes its time
	conn  *conn
	users int
	idle  *time.Timer

	socket atomic.Pointer[string] // of the present connection
}

// NewAgent returns an agent; nothing is connected yet.
func NewAgent(o Options) *Agent {
	if o.Program == "" {
		o.Program = "dtctl"
	}
	o.Begin = or(o.Begin, 30*time.Second)
	o.Idle = or(o.Idle, 10*time.Minute)
	o.Ping = or(o.Ping, 30*time.Second)
	return &Agent{opts: o, gate: make(chan struct{}, 1)}
}

func (a *Agent) lock()   { a.gate <- struct{}{} }
func (a *Agent) unlock() { <-a.gate }

func or(a, b time.Duration) time.Duration {
	if a > 0 {
		return a
	}
	return b
}

// Hello is what the agent says of itself.
func (a *Agent) Hello(ctx context.Context) (Hello, error) {
	c, fresh, err := a.use(ctx)
	if err != nil {
		return Hello{}, err
	}
	defer a.done()
	if !fresh { // it answers still
		_, err = c.call(ctx, request{Op: opPing}, nil)
	}
	return c.hello, err
}

// Shared is the socket of the connection to the agent's host, for [ssh.Host.Share]: other calls of ssh to that host may
// go through it, and are spared a login. "": there is no connection now.
func (a *Agent) Shared() string {
	if s := a.socket.Load(); s != nil {
		return *s
	}
	return ""
}

// Kill ends every process of an attempt at the other end, and waits for that.
func (a *Agent) Kill(ctx context.Context, attempt storage.Attempt) error {
	_, err := a.call(ctx, request{Op: opKill, Attempt: &attempt}, nil)
	return err
}

// ProgramVersion is the first line a program at the other end says of its version.
func (a *Agent) ProgramVersion(ctx context.Context, program string) (string, error) {
	got, err := a.call(ctx, request{Op: opProgram, Path: program}, nil)
	return got.Text, err
}

// Close ends the connection; the next call makes a new one.
func (a *Agent) Close() {
	a.lock()
	defer a.unlock()
	a.drop(a.conn)
}

func (a *Agent) call(ctx context.Context, r request, heard func(answer)) (answer, error) {
	return a.stream(ctx, r, func(got answer, _ func()) {
		if heard != nil {
			heard(got)
		}
	})
}

// stream carries a request out. If a connection that was there before turns out
// to be dead before anything was heard, a new one is tried once: every request may be sent twice.
func (a *Agent) stream(ctx context.Context, r request, heard func(got answer, more func())) (answer, error) {
	for {
		c, fresh, err := a.use(ctx)
		if err != nil {
			return answer{}, err
		}
		any := false
		got, err := c.call(ctx, r, func(got answer, more func()) {
			any = true
			heard(got, more)
		})
		a.done()
		if !errors.Is(err, storage.ErrUnreachable) || fresh || any || ctx.Err() != nil {
			return got, err
		}
	}
}

// use gives the connection, made if need be; done must be called after it.
func (a *Agent) use(ctx context.Context) (c *conn, fresh bool, err error) {
	select {
	case a.gate <- struct{}{}:
		defer a.unlock()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	if a.conn != nil && a.conn.lost() {
		a.drop(a.conn)
	}
	if a.conn == nil {
		if a.conn, err = dial(ctx, a.opts); err != nil {
			return nil, false, err
		}
		fresh = true
		socket := a.conn.shared.socket()
		a.socket.Store(&socket)
	}
	a.users++
	if a.idle != nil {
		a.idle.Stop()
	}
	return a.conn, fresh, nil
}

func (a *Agent) done() {
	a.lock()
	defer a.unlock()
	a.users--
	if a.users > 0 || a.conn == nil {
		return
	}
	a.idle = time.AfterFunc(a.opts.Idle, func() {
		a.lock()
		defer a.unlock()
		if a.users == 0 {
			a.drop(a.conn)
		}
	})
}

// drop ends a connection; the gate is held.
func (a *Agent) drop(c *conn) {
	a.socket.Store(nil)
	if c != nil {
		c.close()
	}
	a.conn = nil
}

// linkFailed is an error of the connection, classified as the link's.
func linkFailed(o Options, stderr string, err error) error {
	f := ssh.Classify(o.Link, stderr, ssh.ExitCode(err), err)
	return stages.Failed(f, fmt.Errorf("%w: %s", storage.ErrUnreachable, f.Text))
}

// strange is what an agent that is none, or of another version, comes to.
func strange(o Options, format string, args ...any) error {
	text := fmt.Sprintf("link %s: the agent at %s %s: install the same dtctl at both ends, or name its path there (agent) in the settings of the link",
		o.Link, o.Host.Name, fmt.Sprintf(format, args...))
	return stages.Failed(opsdb.Failure{Class: opsdb.BadConfig, Reason: "agent", Text: text}, errors.New(text))
}
