package bbcp

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/transport/ssh"
)

// What goes through a standing call is chunks, each behind a head: which part, where in it, how many bytes.
// A chunk without a name is filler: bbcp sends only full buffers, and filler brings the last bytes of a package on their way.

// head is what stands before a chunk.
type head struct {
	name   string // of the part; "": filler
	at     int64
	length int
}

const (
	magic        = "CDT1"
	headLength   = len(magic) + 2 + 8 + 4 // magic, length of the name, at, length; then the name
	longestName  = 255
	longestChunk = 1 << 20
)

func (h head) append(b []byte) []byte {
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.name)))
	b = binary.BigEndian.AppendUint64(b, uint64(h.at))
	b = binary.BigEndian.AppendUint32(b, uint32(h.length))
	return append(b, h.name...)
}

var errStream = errors.New("what comes through the standing call is none of ours")

func readHead(in io.Reader) (head, error) {
	var b [headLength]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		return head{}, err
	}
	rest := b[len(magic):]
	name := make([]byte, binary.BigEndian.Uint16(rest))
	h := head{at: int64(binary.BigEndian.Uint64(rest[2:])), length: int(binary.BigEndian.Uint32(rest[10:]))}
	if string(b[:len(magic)]) != magic || len(name) > longestName || h.at < 0 || h.length > longestChunk {
		return head{}, errStream
	}
	if _, err := io.ReadFull(in, name); err != nil {
		return head{}, err
	}
	h.name = string(name)
	if h.name != "" && !ssh.Attempt(h.name) {
		return head{}, fmt.Errorf("%w: %q is no attempt's name", errStream, h.name)
	}
	return h, nil
}

// Take is the end of a standing call at the destination: it writes what comes into the parts of a folder, one after
// the other, until in ends. A part begins as a new file, or goes on where it ends; no other file is
// opened, and none outside the folder. What it writes to is open only while it is written, so that who ends an
// attempt finds it ([ssh.EndAttempt]).
func Take(ctx context.Context, in io.Reader, parts string) (err error) {
	t := &taker{ctx: ctx, parts: parts, in: bufio.NewReaderSize(in, 256<<10)}
	defer func() { err = errors.Join(err, t.leave()) }()
	for {
		h, err := readHead(t.in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = t.take(h)
		}
		if err != nil {
			return err
		}
	}
}

// taker writes one part at a time.
type taker struct {
	ctx   context.Context
	parts string
	in    *bufio.Reader
	name  string
	file  *os.File
	at    int64 // where the next chunk of that part belongs
}

func (t *taker) take(h head) error {
	if h.name == "" {
		if err := t.leave(); err != nil {
			return err
		}
		_, err := io.CopyN(io.Discard, t.in, int64(h.length))
		return err
	}
	if h.name != t.name {
		if err := errors.Join(t.leave(), t.open(h)); err != nil {
			return err
		}
	}
	if h.at != t.at {
		return fmt.Errorf("%w: %d bytes of %s are here, and what comes begins at %d", errStream, t.at, h.name, h.at)
	}
	n, err := io.CopyN(t.file, t.in, int64(h.length))
	if t.at += n; err != nil {
		return fmt.Errorf("write %s: %w", h.name, err)
	}
	return nil
}

// open opens the part a chunk is for: made new, or to go on behind what is there.
func (t *taker) open(h head) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if h.at > 0 {
		flags = os.O_WRONLY
	}
	root, err := os.OpenRoot(t.parts) // anew for each part: nothing is held of a disk that an administrator wants to take away
	if err != nil {
		return fmt.Errorf("open the folder of parts: %w", err)
	}
	defer func() { _ = root.Close() }()
	effect.Point(t.ctx, "bbcp.take.before")
	f, err := root.OpenFile(h.name, flags, 0o644)
	effect.Point(t.ctx, "bbcp.take.after")
	if err != nil {
		return fmt.Errorf("open %s: %w", h.name, err)
	}
	t.name, t.file = h.name, f
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: it is no file", h.name)
	}
	if err == nil {
		t.at, err = f.Seek(0, io.SeekEnd)
	}
	return err
}

// leave closes the part: nothing of it is written any more.
func (t *taker) leave() error {
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.name, t.file = "", nil
	return err
}
