//go:build servers

package bench_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/jobs/river"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/postgres"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// Workers of either side, and tasks at once of each. Celery's default is one for each processor, and more take it from each
// other. Ours (--at-once) is 4, which is what a disk and a link can take; tasks that do nothing need neither, and only what is
// claimed and ended at once can share a commit.
const (
	workers      = 2
	celeryAtOnce = 2
	ourAtOnce    = 256
)

// What makes the test binary a worker of its own process.
const (
	workerDatabase = "CDT_BENCH_WORKER"
	workerName     = "CDT_BENCH_NAME"
	workerTells    = "CDT_BENCH_TELLS" // tell what is held, and when
)

// TestMain makes the test binary stand for a worker, if it was started as one.
func TestMain(m *testing.M) {
	if os.Getenv(workerDatabase) == "" {
		os.Exit(m.Run()) //nolint:forbidigo // this is the main of a test binary
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := work(ctx, os.Getenv(workerDatabase), os.Getenv(workerName)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is the main of a worker process
	}
}

// noop is a stage that does nothing. Where it tells, an engine looks at what it
// brings: as a package stage it asks to be tried again much later, as a verify stage it says that the copy is right.
type noop struct {
	typ     string
	told    io.Writer // nil: it tells nothing
	fetched *fetched
}

// Spec implements [stages.Stage].
func (s noop) Spec() stages.Spec { return stages.Spec{Type: s.typ} }

// Run implements [stages.Stage].
func (s noop) Run(_ context.Context, w stages.Work) (opsdb.Outcome, error) {
	if s.told == nil {
		return opsdb.Outcome{}, nil
	}
	a := w.Assignment()
	_, _ = fmt.Fprintln(s.told, s.fetched.take(a.Task.ID).UnixMicro(), clock.System{}.Now().UnixMicro())
	if s.typ == "package" {
		return opsdb.Outcome{}, stages.Later(time.Hour, "nothing is packed here")
	}
	return opsdb.Outcome{Target: &opsdb.CopyFact{State: opsdb.Present}, Receipts: []opsdb.Receipt{{ID: opsdb.NewID(), Package: a.Package.ID, Location: a.Task.To,
		Path: a.Target.Path, Digest: a.Package.Digest, Size: a.Package.Size, Worker: w.Worker(), Task: a.Task.ID, Token: a.Task.Token, Medium: opsdb.FromMedium, Version: opsdb.FormatVersion}}}, nil
}

// fetched is when the job of each task was fetched.
type fetched struct{ at sync.Map }

func (f *fetched) take(task opsdb.ID) time.Time {
	at, _ := f.at.LoadAndDelete(task)
	t, _ := at.(time.Time)
	return t
}

// brought is the queue of a worker whose store offers the next piece itself.
type brought struct {
	*river.Queue
	fetched *fetched // nil: nobody asks
}

// Next implements [jobs.Queue].
func (b brought) Next(ctx context.Context, sites []string) (opsdb.ID, error) {
	id, err := b.Queue.Next(ctx, sites)
	if b.fetched != nil && err == nil {
		b.fetched.at.Store(id, clock.System{}.Now())
	}
	return id, err
}

// Enqueue implements [jobs.Queue].
func (brought) Enqueue(context.Context, []opsdb.Task) error { return nil }

// openStore opens the database as engines and workers do: with jobs in the transactions of their tasks.
func openStore(ctx context.Context, url, name string) (*postgres.Store, error) {
	in, err := river.NewInserter()
	if err != nil {
		return nil, err
	}
	enqueue := func(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error { return in.Enqueue(ctx, tx, tasks) }
	return postgres.Open(ctx, url, postgres.Options{Enqueue: enqueue, Name: name})
}

// work is a worker until ctx ends.
func work(ctx context.Context, url, name string) error {
	defer profile(name)()
	store, err := openStore(ctx, url, name)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // the process ends
	queue, err := river.Open(ctx, url, river.Options{ID: name, InHand: 4 * ourAtOnce})
	if err != nil {
		return err
	}
	defer queue.Close() //nolint:errcheck // the process ends
	var told io.Writer
	var when *fetched
	if os.Getenv(workerTells) != "" {
		told, when = os.Stdout, &fetched{}
	}
	w := worker.New(worker.Config{ID: name, Sites: []string{"lab"}, Total: ourAtOnce, Grace: time.Second}, store, brought{queue, when}, stages.Registry{noop{"verify", told, when}, noop{"package", told, when}})
	return w.Run(ctx)
}

// startWorker starts this binary as a worker and returns the lines it tells.
func startWorker(b *testing.B, url string, n int, tells bool) *bufio.Scanner {
	b.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), os.Args[0])
	// Garbage is collected when there is four times of it what is alive, which a dtctl work can be told in its environment, too: it has room for so many tasks.
	cmd.Env = append(os.Environ(), workerDatabase+"="+url, workerName+"=w"+strconv.Itoa(n), "GOGC=400")
	if tells {
		cmd.Env = append(cmd.Env, workerTells+"=yes")
	}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return bufio.NewScanner(out)
}
