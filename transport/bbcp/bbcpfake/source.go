package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// block is how much goes over a stream at once.
const block = 256 << 10

// end is the offset that ends a file on a stream; broken ends one that cannot be read to its end.
const (
	end    = -1
	broken = -2
)

var errLimit = errors.New("too long")

// source answers the sink: a list of what there is, then one file after the other.
func (j *job) source() int {
	missing := false
	for i, f := range j.files {
		if strings.Contains(j.set['N'], "i") {
			continue
		}
		info, err := os.Stat(f.path)
		switch {
		case err != nil:
			say(j.told, "%s processing %s", words(err), f.path)
			missing = true
		case info.IsDir():
			say(j.told, "%s is a directory.", f.path)
			missing = true
		default:
			_, _ = fmt.Fprintf(j.ctl, "file %d %d %d %s\n", i, info.Size(), info.ModTime().UnixNano(), nameOf(f.path))
		}
	}
	if missing {
		_, _ = io.WriteString(j.ctl, "eol bad\n")
		say(j.told, "Broken pipe writing to stream.")
		return 2
	}
	_, _ = io.WriteString(j.ctl, "eol good\n")
	for {
		line, err := j.line.ReadString('\n')
		if err != nil {
			say(j.told, "Unexpected end of control stream from %s", j.ctl.RemoteAddr())
			return 32
		}
		var number, code int
		var from int64
		if n, _ := fmt.Sscanf(line, "exit %d", &code); n == 1 {
			if has(j.mischief, "helper") {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			return code
		}
		if n, _ := fmt.Sscanf(line, "get %d %d", &number, &from); n != 2 {
			return 1
		}
		if code := j.send(j.files[number].path, from); code != 0 {
			return code
		}
	}
}

// nameOf is the name a file has in a folder: its last part, but all of a path that is not absolute.
func nameOf(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Base(path)
	}
	return path
}

// send reads one file, or what a program says, and spreads it over the streams.
func (j *job) send(path string, from int64) int {
	in, size, err := j.open(path, from)
	if err != nil {
		say(j.told, "%s opening %s", words(err), path)
		j.finish(broken)
		return 2
	}
	blocks := make(chan []byte)
	var wg sync.WaitGroup
	for _, c := range j.data {
		wg.Go(func() { stream(c, blocks) })
	}
	n, err := j.read(in, from, blocks)
	close(blocks)
	wg.Wait()
	err = errors.Join(err, in.Close())
	if size >= 0 && from+n < size && err == nil {
		err = syscall.ENODATA
	}
	if err != nil {
		if !errors.Is(err, errLimit) {
			say(j.told, "%s writing %s", words(err), path)
		}
		j.finish(broken)
		return 128
	}
	j.finish(end)
	return 0
}

// open opens a file, or starts a program under -N i.
func (j *job) open(path string, from int64) (io.ReadCloser, int64, error) {
	if strings.Contains(j.set['N'], "i") {
		p, err := startProgram(path, j, (*exec.Cmd).StdoutPipe)
		return reading{p}, -1, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.Seek(from, io.SeekStart)
	}
	return f, info.Size(), err
}

// read cuts what it reads into blocks, each behind its offset, at the rate of -x.
func (j *job) read(in io.Reader, at int64, blocks chan<- []byte) (int64, error) {
	rate, limit := j.number('x', 0), time.Duration(j.number('t', 0))*time.Second
	begun := time.Now()
	var total int64
	for {
		if limit > 0 && time.Since(begun) > limit {
			say(j.told, "Time limit exceeded")
			return total, errLimit
		}
		b := make([]byte, 12+block)
		n, err := io.ReadFull(in, b[12:])
		if n > 0 {
			binary.BigEndian.PutUint64(b, uint64(at))
			binary.BigEndian.PutUint32(b[8:], uint32(n))
			blocks <- b[:12+n]
			at, total = at+int64(n), total+int64(n)
			if rate > 0 {
				time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// stream writes blocks to one connection. After an error it only empties the channel.
func stream(c net.Conn, blocks <-chan []byte) {
	var err error
	for b := range blocks {
		if err == nil {
			_, err = c.Write(b)
		}
	}
}

// finish marks the end of a file on every stream.
func (j *job) finish(how int64) {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:], uint64(how))
	for _, c := range j.data {
		_, _ = c.Write(b[:])
	}
}
