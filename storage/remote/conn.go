package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/ccatobs/cdt/transport/ssh"
)

const (
	mostGreeting = 100              // lines that a login may say before the agent speaks
	goodbye      = 10 * time.Second // how long a cancelled call waits for its last answer
)

// conn is one running agent.
type conn struct {
	opts    Options
	hello   Hello
	process *ssh.Process
	in      io.WriteCloser
	stderr  *ssh.Tail
	cancel  context.CancelFunc
	shared  shared
	dead    chan struct{} // closed when nothing more is heard
	broken  error         // why, if the other end did not end; to be read after dead is closed

	writing sync.Mutex
	out     *json.Encoder

	mu    sync.Mutex // guards what follows
	next  int64
	calls map[int64]waiting
}

// waiting is a call that waits for answers until it is gone.
type waiting struct {
	answers chan answer
	gone    chan struct{}
}

// dial starts the agent and waits for its first word.
func dial(ctx context.Context, o Options) (*conn, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &conn{opts: o, stderr: &ssh.Tail{}, cancel: cancel, dead: make(chan struct{}), calls: map[int64]waiting{}, shared: share(ctx)}
	host := o.Host
	host.Share, host.Shares = c.shared.socket(), true
	cmd := host.Command(life, o.Program, "agent")
	cmd.Stderr = c.stderr
	out, err := c.start(cmd)
	if err != nil {
		cancel()
		c.shared.remove()
		return nil, err
	}
	lines := bufio.NewReaderSize(out, 64<<10)
	said := make(chan error, 1)
	go func() {
		defer func() { _ = out.Close() }()
		err := c.greet(lines)
		said <- err
		if err == nil {
			c.listen(lines)
		}
	}()
	late := time.NewTimer(o.Begin)
	defer late.Stop()
	select {
	case err = <-said:
	case <-late.C:
		err = errSilent
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil {
		go c.ping()
		return c, nil
	}
	return nil, c.notBegun(ctx, err)
}

// start starts the agent; what it says is read from out to the end, also when it has ended.
func (c *conn) start(cmd *exec.Cmd) (out *os.File, err error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the agent at %s: %w", c.opts.Host.Name, err)
	}
	out, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the agent at %s: %w", c.opts.Host.Name, err)
	}
	c.in, c.out, cmd.Stdout = in, json.NewEncoder(in), write
	c.process, err = ssh.Start(cmd)
	_ = write.Close()
	if err != nil {
		_ = out.Close()
		return nil, linkFailed(c.opts, "", err)
	}
	return out, nil
}

var errSilent = errors.New("says nothing")

// notBegun says why there is no agent.
func (c *conn) notBegun(ctx context.Context, err error) error {
	if errors.Is(err, errSilent) || ctx.Err() != nil {
		c.cancel()
	}
	_ = c.in.Close()
	ended := c.process.Wait()
	c.cancel()
	c.shared.remove()
	stderr := c.stderr.String()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errStrange):
		return strange(c.opts, "%v", err)
	case errors.Is(err, errSilent), ssh.Known(stderr, ssh.ExitCode(ended)), ended == nil:
		return linkFailed(c.opts, stderr, errors.Join(err, ended))
	}
	return strange(c.opts, "did not begin (%v): %s", ended, strings.TrimSpace(stderr))
}

var errStrange = errors.New("is not ours")

// greet reads the first word of the agent, past what a login shell says.
func (c *conn) greet(lines *bufio.Reader) error {
	for range mostGreeting {
		line, err := lines.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if !bytes.HasPrefix(line, []byte(`{"cdt_agent"`)) {
			continue
		}
		if err := json.Unmarshal(line, &c.hello); err != nil {
			return fmt.Errorf("%w: %v", errStrange, err)
		}
		if c.hello.Protocol != Protocol {
			return fmt.Errorf("%w: it (dtctl %s) speaks protocol %d, this dtctl protocol %d", errStrange, c.hello.Version, c.hello.Protocol, Protocol)
		}
		return nil
	}
	return fmt.Errorf("%w: it babbles", errStrange)
}

// listen hands answers to those who wait for them, until the connection ends.
func (c *conn) listen(out io.Reader) {
	defer close(c.dead)
	err := lines(out, func(a answer) bool {
		c.mu.Lock()
		to, waits := c.calls[a.ID]
		c.mu.Unlock()
		if !waits {
			return true
		}
		select {
		case to.answers <- a:
		case <-to.gone:
		}
		return true
	})
	if !errors.Is(err, io.EOF) {
		c.broken = err
	}
}

// lost reports whether nothing more is heard.
func (c *conn) lost() bool {
	select {
	case <-c.dead:
		return true
	default:
		return false
	}
}

// ping shows that this end lives, and has a dead connection found while nothing else is said.
func (c *conn) ping() {
	tick := time.NewTicker(c.opts.Ping)
	defer tick.Stop()
	for {
		select {
		case <-c.dead:
			return
		case <-tick.C:
			if err := c.send(request{ID: c.number(), Op: opPing}); err != nil {
				return
			}
		}
	}
}

func (c *conn) number() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	return c.next
}

func (c *conn) send(r request) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.out.Encode(r)
}

// call sends a request and waits for its last answer. A cancel ends the
// operation at the other end; its end is waited for, but not for long.
func (c *conn) call(ctx context.Context, r request, heard func(got answer, more func())) (answer, error) {
	w := waiting{make(chan answer, 16), make(chan struct{})}
	r.ID = c.number()
	c.mu.Lock()
	c.calls[r.ID] = w
	c.mu.Unlock()
	defer c.forget(r.ID, w)
	if err := c.send(r); err != nil {
		return answer{}, c.linkLost()
	}
	more := func() { _ = c.send(request{ID: r.ID, Op: opMore}) }
	cancelled, late := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case a := <-w.answers:
			if a.Last && ctx.Err() != nil {
				return a, ctx.Err()
			}
			if a.Last {
				return a, c.told(a)
			}
			if heard != nil && ctx.Err() == nil {
				heard(a, more)
			}
		case <-cancelled:
			cancelled, late = nil, time.After(goodbye)
			if err := c.send(request{ID: r.ID, Op: opCancel}); err != nil {
				return answer{}, ctx.Err()
			}
		case <-late:
			return answer{}, ctx.Err()
		case <-c.dead:
			if ctx.Err() != nil {
				return answer{}, ctx.Err()
			}
			return answer{}, c.linkLost()
		}
	}
}

func (c *conn) forget(id int64, w waiting) {
	c.mu.Lock()
	delete(c.calls, id)
	c.mu.Unlock()
	close(w.gone)
}

// told is the error of an answer.
func (c *conn) told(a answer) error {
	if a.Fault == nil {
		return nil
	}
	return fmt.Errorf("at %s: %w", c.opts.Host.Name, a.Fault)
}

// linkLost says why the connection ended.
func (c *conn) linkLost() error {
	c.cancel()
	_ = c.in.Close()
	err := c.process.Wait()
	c.shared.remove()
	if c.lost() && c.broken != nil {
		err = fmt.Errorf("the agent said %w", c.broken)
	}
	if err == nil {
		err = errors.New("the agent ended")
	}
	return linkFailed(c.opts, c.stderr.String(), err)
}

// close ends the agent, and waits for its ssh to end.
func (c *conn) close() {
	_ = c.in.Close()
	c.cancel()
	_ = c.process.Wait()
	c.shared.remove()
}
