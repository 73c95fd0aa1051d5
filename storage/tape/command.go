package tape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/storage"
)

// errAnswer is a command that does not do as is agreed; a person must look.
var errAnswer = fmt.Errorf("%w: the command does not answer as it must", storage.ErrUnsafe)

// Answers are what the exit codes of the commands mean (those of sysexits.h); any other but 0 is an
// error that is tried again and costs an attempt.
//
//	 0  done: it is on tape (put), in the folder (recall), right and its SHA-256 printed (verify)
//	65  the file on tape is not readable: the copy is bad
//	66  there is no such file on tape
//	69  the library cannot be used now
//	75  not yet: ask again later
//	77  the library refuses
func Answers() map[int]error {
	return map[int]error{
		65: storage.ErrMismatch, 66: fs.ErrNotExist, 69: storage.ErrOffline, 75: &storage.NotYetError{}, 77: storage.ErrDenied,
	}
}

// order is what is asked of the library: one at a time for each file.
type order struct{ verb, path string }

// job is a command that runs, or has run and was not asked about yet.
type job struct {
	done chan struct{}
	said string
	err  error
	age  func() time.Duration // since it was done
}

// stale reports an answer nobody asked for in time: it says how things were then, and a receipt speaks of now.
func (j *job) stale(keep time.Duration) bool {
	select {
	case <-j.done:
		return j.age() > keep
	default:
		return false
	}
}

// doing words for people what a command is at.
func doing(verb string) string {
	switch verb {
	case "put":
		return "written to tape"
	case "recall":
		return "recalled from tape"
	}
	return "re-read on tape"
}

// run runs a command for a file, or joins the one that runs, and waits for it a while. What it printed is returned.
func (t *Tape) run(ctx context.Context, verb string, words []string, path string, size int64) (string, error) {
	if len(words) == 0 {
		return "", nil
	}
	abs, err := t.disk.AbsPath(ctx, path)
	if err != nil {
		return "", err
	}
	key := order{verb, path}
	j := t.start(ctx, key, words, abs, size)
	timer := time.NewTimer(t.o.Wait)
	defer timer.Stop()
	select {
	case <-j.done:
		t.forget(key, j)
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-timer.C:
		return "", t.failed(verb, path, &storage.NotYetError{After: t.o.Again, Doing: doing(verb)})
	}
	var later *storage.NotYetError
	if errors.As(j.err, &later) {
		return "", t.failed(verb, path, &storage.NotYetError{After: t.o.Again, Doing: doing(verb)})
	}
	return j.said, t.failed(verb, path, j.err)
}

func (t *Tape) failed(verb, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s:%q: %w", verb, t.Location(), path, err)
}

// start begins a command that goes on after the call that asked for it.
func (t *Tape) start(ctx context.Context, key order, words []string, abs string, size int64) *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	if j := t.jobs[key]; j != nil && !j.stale(t.o.Keep) {
		return j
	}
	j := &job{done: make(chan struct{})}
	t.jobs[key] = j
	limit := t.o.Limit + time.Duration(size/1e9)*t.o.PerGB
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	go func() {
		defer cancel()
		defer close(j.done)
		effect.Point(ctx, "tape."+key.verb+".before")
		j.said, j.err = t.command(ctx, words, abs)
		j.age = clock.Monotonic()
		effect.Point(ctx, "tape."+key.verb+".after")
	}()
	return j
}

func (t *Tape) forget(key order, j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs[key] == j {
		delete(t.jobs, key)
	}
}

// said is how much of a command's output is kept.
const said = 4096

// command runs one command to its end, in a process group of its own.
func (t *Tape) command(ctx context.Context, words []string, abs string) (string, error) {
	args := slices.Clone(words[1:])
	if i := slices.Index(args, "{path}"); i >= 0 {
		for ; i < len(args); i++ {
			if args[i] == "{path}" {
				args[i] = abs
			}
		}
	} else {
		args = append(args, abs)
	}
	var out, errs head
	cmd := exec.CommandContext(ctx, words[0], args...) //nolint:gosec // the route's words and an engine-made name (S11)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.root, &out, &errs
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	return out.String(), meaning(ctx, err, errs.String())
}

// meaning is what the end of a command says.
func meaning(ctx context.Context, err error, text string) error {
	var exit *exec.ExitError
	text = strings.TrimSpace(text)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: the command took too long and was ended: %s", storage.ErrOffline, text)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the command cannot be run: %v", storage.ErrOffline, err) // never "the file is not there"
	case !errors.As(err, &exit):
		return err
	}
	if known, ok := Answers()[exit.ExitCode()]; ok {
		return fmt.Errorf("%w: exit %d: %s", known, exit.ExitCode(), text)
	}
	return fmt.Errorf("the command ended with %v: %s", err, text)
}

// head keeps the beginning of what is written to it.
type head struct{ bytes.Buffer }

func (h *head) Write(b []byte) (int, error) {
	if room := said - h.Len(); room > 0 {
		h.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}
