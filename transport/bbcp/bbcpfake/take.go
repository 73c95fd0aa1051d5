package main

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// taking is one file on its way in.
type taking struct {
	*job
	f      *listed
	out    io.WriteCloser // a program's standard input
	file   *os.File
	moved  atomic.Int64
	mu     sync.Mutex
	queued map[int64][]byte // blocks of a pipe that came too early
	next   int64
	come   int64 // bytes that came for a pipe
}

// errCut is a source that ended too early.
var errCut = errors.New("cut short")

// take receives one file. In flight it has its final name and may be written only.
func (j *job) take(f *listed) int {
	t := &taking{job: j, f: f, next: f.from, queued: map[int64][]byte{}}
	if f.from > 0 {
		say(j.told, "Appending to %s at offset %d", f.target, f.from)
	} else if j.has('P') {
		say(j.told, "Creating %s", strings.Fields(f.target)[0])
	}
	if err := t.open(); err != nil {
		say(j.told, "%s opening %s", words(err), f.target)
		return 2
	}
	_, _ = fmt.Fprintf(j.ctl, "get %d %d\n", f.number, f.from)
	begun := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	go t.progress(ctx, begun)
	err := t.receive()
	cancel()
	return t.close(err, begun)
}

func (t *taking) open() error {
	if strings.Contains(t.set['N'], "o") {
		p, err := startProgram(t.f.target, t.job, (*exec.Cmd).StdinPipe)
		t.out = writing{p}
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if t.has('a') {
		flags = os.O_WRONLY | os.O_CREATE
		if err := os.WriteFile(t.checkpoint(t.f), []byte(fmt.Sprint(t.f.size, t.f.time)), 0o600); err != nil {
			return err
		}
	}
	if has(t.mischief, "nothing") {
		t.f.target, flags = os.DevNull, os.O_WRONLY
	}
	var err error
	t.file, err = os.OpenFile(t.f.target, flags, 0o200)
	return err
}

// receive reads all streams until each has told the end.
func (t *taking) receive() error {
	results := make(chan error, len(t.data))
	for _, c := range t.data {
		go func() { results <- t.stream(c) }()
	}
	var err error
	for range t.data {
		if bad := <-results; bad != nil && err == nil {
			err = bad
			if !errors.Is(err, errCut) {
				return err
			}
		}
	}
	return err
}

func (t *taking) stream(c net.Conn) error {
	for {
		var head [12]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		switch at := int64(binary.BigEndian.Uint64(head[:])); at {
		case end:
			return nil
		case broken:
			return errCut
		default:
			b := make([]byte, binary.BigEndian.Uint32(head[8:]))
			if _, err := io.ReadFull(c, b); err != nil {
				return err
			}
			if err := t.write(b, at); err != nil {
				return err
			}
		}
	}
}

// write puts a block where it belongs: into a file at once, into a pipe in its turn.
func (t *taking) write(b []byte, at int64) error {
	b, err := t.spoil(b, at)
	if err != nil {
		return err
	}
	if t.out == nil {
		_, err := t.file.WriteAt(b, at)
		t.moved.Add(int64(len(b)))
		return errors.Join(err, t.hurt())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queued[at] = b
	t.come += int64(len(b))
	lag, _ := value(t.mischief, "lag")
	for b, ok := t.queued[t.next]; ok && t.next+lag <= t.come; b, ok = t.queued[t.next] {
		delete(t.queued, t.next)
		if _, err := t.out.Write(b); err != nil {
			return err
		}
		t.next += int64(len(b))
		t.moved.Add(int64(len(b)))
	}
	return t.hurt()
}

// close ends the file: good ones get their mode, bad ones are removed unless -k.
func (t *taking) close(err error, begun time.Time) int {
	took := time.Since(begun)
	t.f.reached = t.moved.Load()
	if t.out != nil {
		if bad := t.out.Close(); bad != nil && err == nil {
			say(t.told, "Broken pipe closing %s", strings.Fields(t.f.target)[0])
			return 128
		}
	} else {
		err = errors.Join(err, t.file.Close())
	}
	if err == nil {
		err = t.checksum()
	}
	if err == nil {
		if t.made() {
			_ = os.Chmod(t.f.target, 0o644)
		}
		t.lie()
		if t.has('a') {
			_ = os.Remove(t.checkpoint(t.f))
		}
		if t.has('v') {
			_, _ = fmt.Fprintf(t.told, "File %s created; %d bytes at %s\n", t.f.target, t.f.reached, scaled(float64(t.f.reached)/max(0.001, took.Seconds())))
		}
		return 0
	}
	code := 128
	var errno syscall.Errno
	switch {
	case errors.Is(err, errChecksum):
		code = 172
	case errors.As(err, &errno):
		say(t.told, "%s writing %s", words(err), t.f.target)
		if t.has('k') {
			code = 228
		}
	}
	if !t.has('k') && t.made() {
		_ = os.Remove(t.f.target)
	}
	return code
}

// made tells that the target is a file made here; the machine's null device is not to be touched.
func (t *taking) made() bool { return t.out == nil && t.f.target != os.DevNull }

var errChecksum = errors.New("checksum")

// checksum is -E md5=….
func (t *taking) checksum() error {
	want, ok := strings.CutPrefix(t.set['E'], "md5=")
	if !ok {
		return nil
	}
	if t.made() {
		_ = os.Chmod(t.f.target, 0o600)
	}
	b, err := os.ReadFile(t.f.target)
	if err != nil {
		return err
	}
	sum := md5.Sum(b)
	if got := hex.EncodeToString(sum[:]); got != want {
		say(t.told, "%s target checksum %s does not match %s", t.f.target, want, got)
		return errChecksum
	}
	return nil
}
