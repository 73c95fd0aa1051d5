package rsync

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/ssh"
)

const (
	killing = 30 * time.Second // how long the other end is asked to end what runs there
	answer  = 20 * time.Second // how long a look at a size may take
)

// errStalled ends a call that moves nothing.
var errStalled = errors.New("no byte moved")

// call runs rsync for some items, and then looks what is there.
func (s *sending) call(ctx context.Context, c *call) {
	said := &ssh.Tail{}
	err := s.run(ctx, c, said)
	if err != nil {
		s.kill(ctx, c)
	}
	for _, it := range c.items {
		it.err = s.judge(ctx, it, said.String(), err)
	}
}

// run runs rsync to its end; nothing of it moves bytes afterwards, here.
func (s *sending) run(ctx context.Context, c *call, said *ssh.Tail) error {
	stage, err := c.stage()
	if stage != "" {
		defer func() { _ = os.RemoveAll(stage) }()
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &output{}
	cmd := ssh.Command(ctx, s.Program, s.args(c, stage)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(), out, said
	effect.Point(ctx, "rsync.call.before")
	defer effect.Point(ctx, "rsync.call.after")
	p, err := ssh.Start(cmd)
	if err != nil {
		return err
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(ctx, c, out, p.Ended(), cancel)
	}()
	err = p.Wait()
	<-watched
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// watch tells progress by the sizes at the destination, or, while those cannot
// be had, by what rsync says, and ends a call that moves nothing.
func (s *sending) watch(ctx context.Context, c *call, out *output, ended <-chan struct{}, stop context.CancelCauseFunc) {
	tick := time.NewTicker(s.Look)
	defer tick.Stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-ended: // a look that is under way need not be waited for
			cancel()
		case <-ctx.Done():
		}
	}()
	var still time.Duration
	for before := int64(-1); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.look(ctx, c, out)
		if now > before {
			before, still = now, 0
			continue
		}
		if still += s.Look; still >= s.Stall {
			stop(errStalled)
			return
		}
	}
}

// look tells how far the items are, and returns their sum.
func (s *sending) look(ctx context.Context, c *call, out *output) int64 {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var sum int64
	for _, it := range c.items {
		n, err := it.Target.(storage.PartSizer).PartSize(ctx, it.Attempt)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c.believe(out.bytes())
		}
		it.at(n)
		sum += n
	}
	return sum
}

// believe spreads what rsync says over the items, in its order.
func (c *call) believe(n int64) int64 {
	left := n
	for _, it := range c.items {
		it.at(min(left, it.Size))
		left -= min(left, it.Size)
	}
	return n
}

// kill ends what the call may have left at the other end. If the link is cut,
// the agent there finds out by itself, and the names of attempts keep the orphan away from others.
func (s *sending) kill(ctx context.Context, c *call) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killing)
	defer cancel()
	for _, it := range c.items {
		if errors.Is(transport.Kill(ctx, it.far(), it.Attempt), storage.ErrUnreachable) {
			return
		}
	}
}

// judge finds out by looking whether an item arrived; what rsync said is only asked why not.
func (s *sending) judge(ctx context.Context, it *item, said string, err error) error {
	if cancelled := ctx.Err(); cancelled != nil {
		return cancelled
	}
	looking, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	size, unseen := it.Target.(storage.PartSizer).PartSize(looking, it.Attempt)
	there := unseen == nil && size == it.Size
	if unseen == nil {
		it.at(size)
	}
	switch {
	case there:
		it.arrived = true
		it.at(it.Size)
		return nil
	case err == nil && unseen != nil && !errors.Is(unseen, fs.ErrNotExist):
		return s.targetFailed(ctx, it, unseen)
	case errors.Is(err, errStalled):
		text := fmt.Sprintf("link %s: no byte moved for %s; the call was ended and is made again", s.Link, s.Stall)
		return stages.Failed(opsdb.Failure{Class: opsdb.Environment, Subject: "link:" + s.Link, Reason: "stalled", Text: text}, errors.New(text))
	}
	if bad := s.checkSource(ctx, it); bad != nil {
		return bad
	}
	return s.why(ctx, it, size, said, err)
}
