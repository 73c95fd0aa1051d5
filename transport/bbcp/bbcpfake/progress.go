package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// progress tells every -P seconds how far it is.
func (t *taking) progress(ctx context.Context, begun time.Time) {
	every := t.number('P', 0)
	if every <= 0 || has(t.mischief, "silent") {
		return
	}
	tick := time.NewTicker(time.Duration(every) * time.Second)
	defer tick.Stop()
	var last int64
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			moved, done := t.moved.Load(), "not"
			if whole := t.f.size - t.f.from; whole > 0 {
				done = fmt.Sprintf("%d%%", moved*100/whole)
			}
			rate := scaled(float64(moved) / now.Sub(begun).Seconds())
			if t.has('v') {
				rate = scaled(float64(moved-last)/float64(every)) + ", avg " + rate
			}
			say(t.told, "%s %s done; %s", now.Format("060102 15:04:05"), done, rate)
			last = moved
		}
	}
}

// scaled is a rate with its unit, which is of 1024.
func scaled(rate float64) string {
	unit := ""
	for _, next := range []string{"K", "M", "G", "T"} {
		if rate < 1024 {
			break
		}
		rate, unit = rate/1024, next
	}
	return fmt.Sprintf("%.1f %sB/s", rate, unit)
}

// program is one end of a program's pipe; closing it waits for the program.
type program[P io.Closer] struct {
	pipe P
	cmd  *exec.Cmd
}

type reading struct{ program[io.ReadCloser] }

type writing struct{ program[io.WriteCloser] }

func (r reading) Read(b []byte) (int, error)  { return r.pipe.Read(b) }
func (w writing) Write(b []byte) (int, error) { return w.pipe.Write(b) }

func (p program[P]) Close() error {
	_ = p.pipe.Close()
	if err := p.cmd.Wait(); err != nil {
		return syscall.EPIPE
	}
	return nil
}

// startProgram starts what -N names, unless this place forbids it. Pipe makes the end that is held here.
func startProgram[P io.Closer](words string, j *job, pipe func(*exec.Cmd) (P, error)) (p program[P], err error) {
	allowed, limited := os.LookupEnv("BBCP_ALLOWPP")
	if limited && (allowed == "" || allowed == "0") || has(j.mischief, "disallow") {
		say(j.told, "localhost disallows program pipes.")
		return p, syscall.EPERM
	}
	argv := strings.Fields(words)
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stderr = os.Stderr
	if p.pipe, err = pipe(p.cmd); err == nil {
		err = p.cmd.Start()
	}
	return p, err
}
