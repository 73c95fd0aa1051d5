package bbcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/ssh"
)

// errStalled ends a call that moves nothing.
var errStalled = errors.New("no bytes moved")

// killing is how long the other end is asked to end what it runs before it is left to its agent,
// which ends it as soon as the connection is seen to be gone.
const killing = 30 * time.Second

// call is one run of bbcp.
type call struct {
	opts  Options
	items []*item
	args  []string
	ends  ends
	since func() time.Duration
	out   output
	code  int
	err   error // of starting or waiting, or why it was ended

	checked bool // the destination was looked at after the call
	bad     error
}

// run runs bbcp until it has ended with all it started, at both ends. What
// it says about itself is kept for the failure; what it did is for the destination to tell.
func (c *call) run(ctx context.Context) {
	watched, end := context.WithCancelCause(ctx)
	defer end(nil)
	effect.Point(ctx, "bbcp.call.before")
	p, err := ssh.Start(c.command(watched))
	if err == nil {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			c.watch(watched, end, p.Ended())
		}()
		err = p.Wait()
		end(nil)
		<-ended
	}
	c.code, c.err = ssh.ExitCode(err), err
	if cause := context.Cause(watched); errors.Is(cause, errStalled) {
		c.err = cause
	}
	if err != nil {
		c.kill(ctx)
	}
	effect.Point(ctx, "bbcp.call.after")
}

// command is bbcp with what it is called with and runs in.
func (c *call) command(ctx context.Context) *exec.Cmd {
	cmd := ssh.Command(ctx, c.opts.Program, c.args...)
	cmd.Dir = "/"
	// An administrator's own defaults (~/.bbcp.cf) could turn on -f; the attempts' names let a restart find what a kill left.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "bbcp_CONFIGFN="+os.DevNull, ssh.AttemptVariable+"="+names(c.items))
	cmd.Env = append(cmd.Env, c.opts.Environment...)
	cmd.Stdout, cmd.Stderr = &c.out, &c.out
	return cmd
}

// kill ends what the call left at the other end; it runs there under the names of all its attempts.
func (c *call) kill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killing)
	defer cancel()
	first := c.items[0]
	err := errors.Join(transport.Kill(ctx, first.Target, first.Attempt), transport.Kill(ctx, first.Source, first.Attempt))
	if err != nil {
		_, _ = fmt.Fprintf(&c.out.tail, "%v\n", err)
	}
}

// watch tells progress and ends the call when nothing has moved for too long.
// What counts is the size at the destination; where that cannot be asked for, what bbcp says.
func (c *call) watch(ctx context.Context, end context.CancelCauseFunc, ended <-chan struct{}) {
	looks, looked := make(chan look), make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer close(looked)
		c.look(ctx, looks)
	}()
	defer func() { stop(); <-looked }()
	tick := time.NewTicker(min(max(c.opts.Stall/8, time.Millisecond), reports*time.Second))
	defer tick.Stop()
	moved, bytes, steps := c.since(), int64(-1), 0
	blind := true // no size has been seen at the destination
	for {
		select {
		case <-ended:
			return
		case l := <-looks:
			if blind = l.err != nil; !blind && l.bytes > bytes {
				moved, bytes = c.since(), l.bytes
			}
		case <-tick.C:
			current, percent, said := c.out.state()
			if blind && said > steps {
				moved = c.since()
			}
			if steps = said; blind {
				c.tell(current, percent)
			}
		}
		if still := c.since() - moved; still > c.opts.Stall {
			c.out.hush()
			end(fmt.Errorf("%w for %s", errStalled, still.Round(time.Second)))
			return
		}
	}
}

// tell tells the progress that bbcp tells of: whole percents of the file it writes.
func (c *call) tell(current string, percent int64) {
	for _, it := range c.items {
		if filepath.Base(it.to) == current {
			it.at(it.Size / 100 * percent)
		}
	}
}
