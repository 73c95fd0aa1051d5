package bbcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport/ssh"
)

const (
	standingIdle   = 10 * time.Minute // after which a standing call that nobody uses is ended
	standingBuffer = 512 << 10        // bbcp's own choice for large windows; filler must be larger
	standingFiller = 2 * time.Minute  // how often something goes through one that is idle, for firewalls that forget
	mostWaiting    = 4096             // packages that wait for their turn
)

// Standing keeps the standing calls of a link: calls of bbcp that last, through which one package goes after the
// other. A call for each batch costs four seconds over a round trip of 200 ms until its first byte and two after its last, each file in it a
// round trip in which nothing moves, and every new connection finds out anew how fast it may go; of that a standing call costs the first
// once (ADR 0049). All transports of a link share one Standing; nil: every Send makes calls of its own. Close ends it.
type Standing struct {
	mu      sync.Mutex
	calls   map[string]*standing // by their arguments
	refused bool                 // an end lets bbcp not start what a standing call needs
	narrow  bool                 // the other end allows no windows that hold what is on the way: the kernels size them
	closed  bool
	since   func() time.Duration
}

// clock is the one clock by which all Sends and calls of the link agree when something moved.
func (t *Standing) clock() func() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since == nil {
		t.since = clock.Monotonic()
	}
	return t.since
}

// standing is one running standing call into the parts of one folder.
type standing struct {
	*call
	in    *os.File // what it reads
	dir   string   // with the pipe in it
	stop  context.CancelCauseFunc
	ended chan struct{} // when all of it has ended, at both ends as far as that can be told
	loads chan *load
	stuck chan struct{} // one token: what was handed over does not arrive
	moved atomic.Int64  // by since: when bytes were last seen to arrive

	mu    sync.Mutex
	users int
	over  bool // it was told to end
	idle  *time.Timer
}

// load is an item on its way through a standing call.
type load struct {
	*item
	ctx   context.Context
	begun atomic.Bool
	given int64         // bytes of the part that were handed over, with those kept; to be read when over is closed
	err   error         // of reading the source; as given
	over  chan struct{} // nothing more of it is handed over
}

// enter gives the standing call for a folder of parts, started if need be; leave must be called after it.
func (t *Standing) enter(ctx context.Context, o Options, target storage.Storage, parts string, e ends) (*standing, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.refused {
		return nil, errNoStanding
	}
	key := strings.Join(append(o.common(), fmt.Sprint(o.Host, o.Program, o.Agent, o.RemoteProgram, o.SourceHost, e), parts), " ")
	if !cleanPath(parts) {
		return nil, errNoStanding
	}
	s := t.calls[key]
	if s == nil || !s.use() {
		var err error
		if s, err = t.start(ctx, o, target, parts, e); err != nil {
			return nil, err
		}
		if t.calls == nil {
			t.calls = map[string]*standing{}
		}
		t.calls[key] = s
		go t.forget(key, s)
		s.use()
	}
	return s, nil
}

// use says that a Send needs the call; false: it is about to end.
func (s *standing) use() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || isOver(s.ended) {
		return false
	}
	if s.users++; s.users == 1 {
		s.touch()
	}
	if s.idle != nil {
		s.idle.Stop()
	}
	return true
}

// Ready makes the standing call into the parts of a location, if there is none, so that the first package need not
// wait for it. What fails now is tried again by what is sent; the error says why.
func (t *Transport) Ready(ctx context.Context, target storage.Storage) error {
	to, ok := target.(storage.Receiver)
	if !ok || t.opts.Standing == nil {
		return errNoStanding
	}
	part, err := to.PartPath(ctx, storage.Attempt{Task: opsdb.NewID(), Epoch: "standing", Token: 1})
	if err != nil {
		return fmt.Errorf("make ready for %s: %w", target.Location(), err)
	}
	s, err := t.opts.Standing.enter(ctx, t.opts, target, filepath.Dir(part), ends{target: far(target)})
	if err == nil {
		s.leave()
	}
	return err
}

var errNoStanding = errors.New("no standing call")

// forget takes a standing call out once it has ended.
func (t *Standing) forget(key string, s *standing) {
	<-s.ended
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls[key] == s {
		delete(t.calls, key)
	}
}

// refuse makes all that follows go by calls of its own.
func (t *Standing) refuse() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = true
}

// Close ends the standing calls, and waits for that. What goes through them fails. It may be called twice.
func (t *Standing) Close() {
	t.mu.Lock()
	t.closed = true
	var all []*standing
	for _, s := range t.calls {
		all = append(all, s)
	}
	t.mu.Unlock()
	for _, s := range all {
		s.stop(errors.New("the worker ends"))
	}
	for _, s := range all {
		<-s.ended
	}
}

// start starts a standing call.
func (t *Standing) start(ctx context.Context, o Options, target storage.Storage, parts string, e ends) (*standing, error) {
	o = o.forStanding()
	o.bound = !t.narrow && o.binds()
	effect.Point(ctx, "bbcp.standing.before")
	dir, err := os.MkdirTemp("", "cdt-bbcp-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a pipe: %w", err)
	}
	s := &standing{dir: dir, ended: make(chan struct{}), loads: make(chan *load, mostWaiting), stuck: make(chan struct{}, 1)}
	pipe := filepath.Join(dir, "pipe")
	if !ssh.File(pipe) {
		err = fmt.Errorf("the folder %q (TMPDIR) may not stand in a call of bbcp", dir)
	} else if err = unix.Mkfifo(pipe, 0o600); err == nil {
		// Open for both, so that it is open before anybody reads, and that a write can be ended by Close.
		s.in, err = os.OpenFile(pipe, os.O_RDWR|unix.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	self := &item{}
	self.Target, self.Source = target, target
	self.Attempt = storage.Attempt{Task: opsdb.NewID(), Epoch: "standing", Token: 1}
	s.call = &call{opts: o, items: []*item{self}, ends: e, args: o.standing(pipe, parts, self.Attempt.Name(), e), since: o.since}
	life, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	s.stop = stop
	if o.bound {
		s.out.bound, s.out.reduced = strconv.FormatInt(o.Window, 10), func() { t.unbind(s) }
	}
	s.touch()
	go s.live(life)
	go s.feed()
	effect.Point(ctx, "bbcp.standing.after")
	return s, nil
}

// live runs the call until it ends.
func (s *standing) live(ctx context.Context) {
	defer close(s.ended)
	p, err := ssh.Start(s.command(ctx))
	if err == nil {
		err = p.Wait()
	}
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.code, s.err = ssh.ExitCode(err), err
	if cause := context.Cause(ctx); cause != nil {
		s.err = cause
	}
	if s.err == nil {
		s.err = errEnded // whatever it says: who waits for something did not get it
	}
	_ = s.in.Close()
	s.kill(ctx)
	_ = os.RemoveAll(s.dir)
}

var errEnded = errors.New("the standing call ended")

// touch notes that bytes were seen to arrive, or that now they may.
func (s *standing) touch() { s.moved.Store(int64(s.since())) }

// still is how long nothing has arrived.
func (s *standing) still() time.Duration { return s.since() - time.Duration(s.moved.Load()) }

// leave says that a Send needs the call no more.
func (s *standing) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.idle = time.AfterFunc(standingIdle, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.users == 0 {
				s.over = true
				s.stop(errIdle)
			}
		})
	}
}

var errIdle = errors.New("nothing went through it for long")

// forStanding are the options of the one standing call that stands for all calls of the link.
func (o Options) forStanding() Options {
	o.Streams, _ = Tuned(o.Bandwidth, o.RTT, 1, o.given.streams, o.given.window)
	if o.given.streams == 0 {
		o.Streams = min(max(o.Streams, standingStreams), usualStreams)
	}
	_, o.Window = Tuned(o.Bandwidth+o.Bandwidth/8, o.RTT, 1, o.Streams, o.given.window)
	o.Rate = min(o.Rate*int64(max(o.AtOnce, 1)), mostNumber)
	if o.Buffer == 0 {
		o.Buffer = standingBuffer
	}
	return o
}

// standing are the arguments of a standing call: a program reads the pipe here, the agent there writes the parts. Its program is
// started by env: at its end bbcp would set the mode of a file it was given by its path.
func (o Options) standing(pipe, parts, attempt string, e ends) []string {
	args := append(o.common(), o.starts(e, attempt)...)
	read := "dd if=" + pipe + " bs=" + strconv.FormatInt(o.Buffer, 10) + " status=none"
	write := "env " + o.Agent + " agent take " + parts
	return append(args, "-F", "-N", "io", o.place(read, e.source, o.near(e)), o.place(write, e.target, o.near(e)))
}
