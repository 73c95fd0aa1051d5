package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// job is what a helper was told to do.
type job struct {
	options
	peer string
	many bool // the target is a directory
	told io.Writer
	out  io.Writer
	ctl  net.Conn
	line *bufio.Reader
	data []net.Conn
}

// runHelper is the source or the sink: it reads its orders, meets the other one and works.
func runHelper(role string, in io.Reader, out, told io.Writer) int {
	orders, err := bufio.NewReader(in).ReadString(0)
	if err != nil {
		return 8
	}
	j := &job{options: options{set: map[byte]string{}}, told: told, out: out}
	lines := strings.Split(strings.TrimSuffix(orders, "\n\x00"), "\n")
	for word := range strings.SplitSeq(lines[0], "\x01") {
		switch letter, value := word[0], word[1:]; letter {
		case 'H':
			j.peer = value
		case 'M':
			j.many = true
		case 'Y':
			j.secret = value
		case 'X':
			j.mischief = value
		default:
			j.set[letter] = value
		}
	}
	for _, path := range lines[1:] {
		j.files = append(j.files, spec{path: path})
	}
	if err := j.meet(); err != nil {
		say(told, "%v", err)
		return 2
	}
	if role == sourceRole {
		return j.source()
	}
	return j.sink()
}

// meet makes the control connection and the streams: the first helper listens, the second connects.
func (j *job) meet() error {
	streams := int(j.number('s', 4))
	next := j.connect
	if j.peer == "none:0" {
		l, err := j.listen()
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
		_, _ = fmt.Fprintf(j.out, "200 Port: %d\n", l.Addr().(*net.TCPAddr).Port)
		next = func() (net.Conn, error) { return j.accept(l) }
	}
	var err error
	if j.ctl, err = next(); err != nil {
		return err
	}
	j.line = bufio.NewReader(j.ctl)
	for range streams {
		c, err := next()
		if err != nil {
			return err
		}
		j.data = append(j.data, c)
	}
	return nil
}

// listen takes the first free port of -Z, or any.
func (j *job) listen() (net.Listener, error) {
	var first, last int
	switch n, _ := fmt.Sscanf(j.set['Z'], "%d:%d", &first, &last); n {
	case 0:
		return net.Listen("tcp", ":0")
	case 1:
		last = first
	}
	for port := first; ; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil || port >= last {
			return l, err
		}
	}
}

func (j *job) connect() (net.Conn, error) {
	if has(j.mischief, "unreachable") {
		return nil, fmt.Errorf("Connection refused unable to connect to port %s", j.peer)
	}
	c, err := net.Dial("tcp", j.peer)
	if err != nil {
		return nil, fmt.Errorf("%s unable to connect to port %s", words(err), j.peer)
	}
	_, err = io.WriteString(c, "login "+j.secret+"\n")
	return c, err
}

func (j *job) accept(l net.Listener) (net.Conn, error) {
	c, err := l.Accept()
	if err != nil {
		return nil, err
	}
	login := make([]byte, len("login "+j.secret+"\n"))
	if _, err := io.ReadFull(c, login); err != nil || string(login) != "login "+j.secret+"\n" {
		return nil, errors.New("Invalid login from " + c.RemoteAddr().String())
	}
	return c, nil
}

// words is what the system calls an error, the way C does.
func words(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		if errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), "executable file not found") {
			errno = syscall.ENOENT
		} else {
			return err.Error()
		}
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
