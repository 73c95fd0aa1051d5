package router

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/ccatobs/cdt/clock"
)

// Router carries packets between the machines that joined it. It is safe for
// use by several goroutines.
type Router struct {
	now    func() time.Duration
	done   chan struct{}
	worked sync.WaitGroup

	mu    sync.Mutex
	ports map[string]*port
	lines map[[2]string]*line
	seed  uint64
}

// port is a machine's end.
type port struct {
	addr   netip.Addr
	device io.ReadWriteCloser
}

// New is a router without machines. What is lost is drawn from seed.
func New(seed uint64) *Router {
	return &Router{now: clock.Monotonic(), done: make(chan struct{}), ports: map[string]*port{}, lines: map[[2]string]*line{}, seed: seed}
}

// Join takes a machine in: packets read from device are carried to the
// machine whose address they name. The device is closed with the router.
func (r *Router) Join(name string, addr netip.Addr, device io.ReadWriteCloser) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ports[name] != nil {
		return fmt.Errorf("join %s: it has joined already", name)
	}
	for other, p := range r.ports {
		if p.addr == addr {
			return fmt.Errorf("join %s: its address %s is that of %s", name, addr, other)
		}
	}
	self := &port{addr: addr, device: device}
	for other, p := range r.ports {
		r.lay(name, other, p)
		r.lay(other, name, self)
	}
	r.ports[name] = self
	r.worked.Go(func() { r.take(name, self) })
	return nil
}

// lay makes the line that ends at the given port.
func (r *Router) lay(from, to string, end *port) {
	r.seed++
	l := newLine(r.now, rand.New(rand.NewPCG(r.seed, 0))) //nolint:gosec // repeatable on purpose
	r.lines[[2]string{from, to}] = l
	r.worked.Go(func() { r.deliver(l, end.device) })
}

// take reads the packets of a machine until its device is closed.
func (r *Router) take(name string, p *port) {
	packet := make([]byte, maxPacket)
	for {
		n, err := p.device.Read(packet)
		if errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF) || r.closed() {
			return
		}
		if err != nil {
			continue // an interface that is down for a moment
		}
		if l := r.way(name, packet[:n]); l != nil {
			l.put(append([]byte(nil), packet[:n]...))
		}
	}
}

// way is the line a packet takes; nil if it leads nowhere.
func (r *Router) way(from string, packet []byte) *line {
	const ipv4, shortest, destination = 4, 20, 16
	if len(packet) < shortest || packet[0]>>4 != ipv4 {
		return nil
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(packet[destination:]))
	to := netip.AddrFrom4(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, p := range r.ports {
		if p.addr == to {
			return r.lines[[2]string{from, name}]
		}
	}
	return nil
}

// deliver hands over what arrives at the end of a line.
func (r *Router) deliver(l *line, end io.Writer) {
	var arrived []parcel
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var wait time.Duration
		arrived, wait = l.due(arrived[:0])
		for _, p := range arrived {
			_, _ = end.Write(p.bytes) // a packet that is not taken is lost, as packets are
		}
		clear(arrived)
		var next <-chan time.Time
		if wait >= 0 {
			timer.Reset(wait)
			next = timer.C
		}
		if wait == 0 {
			continue
		}
		select {
		case <-next:
		case <-l.more:
		case <-r.done:
			return
		}
	}
}

func (r *Router) closed() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// ErrUnknown says that two machines are not both joined.
var ErrUnknown = errors.New("no such line")

func (r *Router) line(from, to string) (*line, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.lines[[2]string{from, to}]; l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("%w: %s>%s", ErrUnknown, from, to)
}

func (r *Router) change(from, to string, do func(*line)) error {
	l, err := r.line(from, to)
	if err == nil {
		l.change(do)
	}
	return err
}

// Set says what the direction from one machine to another is like from now on.
// What is on its way arrives as before.
func (r *Router) Set(from, to string, how Line) error {
	return r.change(from, to, func(l *line) { l.set = how })
}

// SetBoth is Set for both directions.
func (r *Router) SetBoth(a, b string, how Line) error {
	return errors.Join(r.Set(a, b, how), r.Set(b, a, how))
}

// Cut cuts both directions between two machines until Mend; what is on its way is lost.
func (r *Router) Cut(a, b string) error { return r.both(a, b, func(l *line) { l.cut = true }) }

// Mend undoes Cut.
func (r *Router) Mend(a, b string) error { return r.both(a, b, func(l *line) { l.cut = false }) }

// CutAt cuts both directions for a while, later: on a schedule.
func (r *Router) CutAt(a, b string, after, lasting time.Duration) error {
	from := r.now() + after
	return r.both(a, b, func(l *line) { l.cuts = append(l.cuts, window{from, from + lasting}) })
}

func (r *Router) both(a, b string, do func(*line)) error {
	return errors.Join(r.change(a, b, do), r.change(b, a, do))
}

// Count tells what happened on the direction from one machine to another.
func (r *Router) Count(from, to string) (c Count, err error) {
	err = r.change(from, to, func(l *line) { c = l.count })
	return c, err
}

// Close ends the router and closes the devices. What is on its way is lost.
func (r *Router) Close() error {
	r.mu.Lock()
	if r.closed() {
		r.mu.Unlock()
		return nil
	}
	close(r.done)
	var errs []error
	for _, p := range r.ports {
		errs = append(errs, p.device.Close())
	}
	r.mu.Unlock()
	r.worked.Wait()
	return errors.Join(errs...)
}
