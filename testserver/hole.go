package testserver

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Hole stands in front of a server and can become a hole into which everything falls.
type Hole struct {
	Addr string // 127.0.0.1:PORT

	t        testing.TB
	back     string
	listener *net.TCPListener
	mu       sync.Mutex
	turned   *sync.Cond
	mode     holeMode
	conns    map[net.Conn]bool // that fall, or will
	plugs    []net.Conn        // that fill the line of those who want to connect
	idle     bool              // nobody is being accepted
}

type holeMode int

const (
	holePasses holeMode = iota
	holeSilent
	holeDeaf
	holeGone
)

// NewHole stands in front of a server (host:port), and lets everything through until it is told otherwise.
func NewHole(t testing.TB, back string) *Hole {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &Hole{Addr: l.Addr().String(), t: t, back: back, listener: l.(*net.TCPListener), conns: map[net.Conn]bool{}}
	h.turned = sync.NewCond(&h.mu)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.serve()
	}()
	t.Cleanup(func() {
		h.turn(holeGone)
		_ = l.Close()
		<-ended
	})
	return h
}

// Open lets everything through again. Connections that fell are closed.
func (h *Hole) Open() {
	h.t.Helper()
	h.turn(holePasses)
	h.queue(128)
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.listener.SetDeadline(time.Time{})
	h.turned.Broadcast()
}

// Silent takes connections and says nothing to anybody: not to those who were connected, either.
func (h *Hole) Silent() {
	h.t.Helper()
	h.Open()
	h.turn(holeSilent)
}

// Deaf answers nobody who wants to connect, as behind a firewall that drops, and says nothing to those who were connected.
func (h *Hole) Deaf() {
	h.t.Helper()
	h.turn(holeDeaf)
	_ = h.listener.SetDeadline(time.Unix(1, 0))
	h.mu.Lock()
	for !h.idle {
		h.turned.Wait()
	}
	h.mu.Unlock()
	h.queue(0)
	h.plug()
}

// plug fills the line of those who want to connect: the kernel drops who comes then.
func (h *Hole) plug() {
	d := net.Dialer{Timeout: patience}
	for range 64 {
		if h.full() {
			return
		}
		c, err := d.DialContext(h.t.Context(), "tcp", h.Addr)
		if err != nil {
			h.t.Fatal(err)
		}
		h.mu.Lock()
		h.plugs = append(h.plugs, c)
		h.mu.Unlock()
	}
	h.t.Fatal("whoever wants to connect still can")
}

// full asks the kernel whether it drops who wants to connect: of a listener it tells how many stand in line, and how
// many may before the last.
func (h *Hole) full() (full bool) {
	h.control(func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		full = err == nil && info.Unacked > info.Sacked
		return err
	})
	return full
}

// queue says how many may stand in line for being accepted.
func (h *Hole) queue(n int) {
	h.control(func(fd int) error { return unix.Listen(fd, n) })
}

func (h *Hole) control(do func(fd int) error) {
	var failed error
	raw, err := h.listener.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { failed = do(int(fd)) })
	}
	if err := errors.Join(err, failed); err != nil {
		h.t.Fatal(err)
	}
}

// turn changes the mode, and ends what belongs to the last one.
func (h *Hole) turn(mode holeMode) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mode != holePasses || mode == holeGone {
		for c := range h.conns {
			_ = c.Close()
		}
		clear(h.conns)
	}
	for _, c := range h.plugs {
		_ = c.Close()
	}
	h.mode, h.plugs = mode, nil
	h.turned.Broadcast()
}

func (h *Hole) serve() {
	for {
		c, err := h.listener.Accept()
		h.mu.Lock()
		for err != nil && h.mode == holeDeaf {
			h.idle = true
			h.turned.Broadcast()
			h.turned.Wait()
		}
		h.idle = false
		mode := h.mode
		if err == nil {
			h.conns[c] = true
		}
		h.mu.Unlock()
		switch {
		case mode == holeGone:
			return
		case err == nil && mode == holePasses:
			go h.pass(c)
		}
	}
}

// pass brings a connection to the server behind, until it falls or ends.
func (h *Hole) pass(front net.Conn) {
	var d net.Dialer
	back, err := d.DialContext(h.t.Context(), "tcp", h.back)
	if err != nil {
		_ = front.Close()
		return
	}
	h.mu.Lock()
	h.conns[back] = true
	h.mu.Unlock()
	go h.carry(front, back)
	h.carry(back, front)
}

// carry copies one way. What comes when everything falls is kept until the connection is closed.
func (h *Hole) carry(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		h.mu.Lock()
		for h.mode != holePasses && h.conns[from] {
			h.turned.Wait()
		}
		falls := !h.conns[from]
		h.mu.Unlock()
		if err == nil && !falls {
			_, err = to.Write(buffer[:n])
		}
		if err != nil || falls {
			break
		}
	}
	h.mu.Lock()
	delete(h.conns, from)
	delete(h.conns, to)
	h.mu.Unlock()
	_, _ = from.Close(), to.Close()
}
