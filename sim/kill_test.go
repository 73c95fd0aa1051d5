package sim_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/sim"
)

// killRoot tells a re-executed test which observatory it is to run to its end, and killStore the address of its database.
const (
	killRoot  = "CDT_TEST_KILL_ROOT"
	killStore = "CDT_TEST_KILL_STORE"
)

// runToTheEnd is the child: an observatory that counts its effects, and dies at one.
func runToTheEnd(t *testing.T, root string) {
	points, err := effect.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	ctx := effect.With(t.Context(), points)
	o, err := sim.Open(ctx, killConfig(t, root, os.Getenv(killStore)))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(o.Run(ctx), o.Close()); err != nil {
		t.Fatal(err)
	}
}

func killConfig(t *testing.T, root, at string) sim.Config {
	return standAt(sim.Config{Root: root, Routes: ccat(t), Start: start, Impatient: true}, at)
}

// child runs the observatory under root, with its database at an address, in a process of its own, to be killed at the n-th effect (0: never).
func child(ctx context.Context, test, root, at, log string, n int64) (killed bool, err error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), killRoot+"="+root, killStore+"="+at, effect.Kill+"="+strconv.FormatInt(n, 10), effect.Log+"="+log)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return false, fmt.Errorf("start the run under %s: %w", root, err)
	}
	if st, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ctx.Err() == nil && st.Signaled() && st.Signal() == syscall.SIGKILL {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("run under %s: %w\n%s", root, err, out)
	}
	return false, err
}

// E1: killed at every effect in turn and started again, everything is finished,
// nothing is lost and nothing is there twice.
func TestKillAtEveryEffect(t *testing.T) {
	if root := os.Getenv(killRoot); root != "" {
		runToTheEnd(t, root)
		return
	}
	t.Parallel()
	last := countEffects(t, newDatabase(t))
	t.Logf("%d effects from the start to the end", last)
	first, step := killSteps(t)
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(2)
	var tried, killed atomic.Int64
	for n := first; n <= last; n += step {
		at := newDatabase(t)
		g.Go(func() error {
			tried.Add(1)
			died, err := killedAt(ctx, t, at, n)
			if died {
				killed.Add(1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("killed at %d effects, each in turn, and finished every time", killed.Load())
	if n := tried.Load(); n-killed.Load() > max(1, n/4) {
		t.Errorf("%d of %d processes were killed", killed.Load(), n)
	}
}

// killSteps are the first effect to be killed at and the step to the next:
// all of them with CDT_KILLS=all (`make test-full`), else every 17th (on PostgreSQL every 85th), with -short every 170th; CDT_KILLS=N: all from N on.
func killSteps(t *testing.T) (first, step int64) {
	t.Helper()
	switch s := os.Getenv("CDT_KILLS"); s {
	case "all":
		return 1, 1
	case "":
		t.Log("some effects; all of them with CDT_KILLS=all, as `make test-full` does")
		switch {
		case testing.Short():
			return 1, 170
		case apart:
			return 1, 85
		}
		return 1, 17
	default:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatalf("CDT_KILLS: %v", err)
		}
		return n, 1
	}
}

// countEffects runs once without a kill and counts.
func countEffects(t *testing.T, at string) int64 {
	t.Helper()
	h := newKillHouse(t, filepath.Join(t.TempDir(), "count"), at)
	log := filepath.Join(t.TempDir(), "effects")
	if _, err := child(t.Context(), t.Name(), h.cfg.Root, at, log, 0); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return int64(strings.Count(string(text), "\n"))
}

// newKillHouse lays the files of a small night under root without starting anything.
func newKillHouse(t *testing.T, root, at string) *house {
	t.Helper()
	h := &house{t: t, cfg: killConfig(t, root, at), at: at, truth: map[string][]check.Original{}}
	h.Observatory = &sim.Observatory{Roots: map[string]string{"ccat.primecam": filepath.Join(root, "sites", "ccat", "primecam")}}
	h.fill("ccat.primecam", 2, 3000)
	return h
}

// killedAt kills a run at effect n, runs it to its end, and judges it. A run may be
// through with a few effects less than another, and was not killed then.
func killedAt(ctx context.Context, t *testing.T, at string, n int64) (killed bool, err error) {
	dir, err := os.MkdirTemp(t.TempDir(), "kill")
	if err != nil {
		return false, err
	}
	defer sim.Remove(dir) //nolint:errcheck // the test's folder is removed anyway
	h := newKillHouse(t, filepath.Join(dir, "o"), at)
	log := filepath.Join(dir, "effects")
	killed, err = child(ctx, "TestKillAtEveryEffect", h.cfg.Root, at, log, n)
	if err != nil {
		return killed, fmt.Errorf("effect %d: %w", n, err)
	}
	where := lastLine(log)
	if _, err := child(ctx, "TestKillAtEveryEffect", h.cfg.Root, at, log, 0); err != nil {
		return killed, fmt.Errorf("after a kill at effect %d (%s): %w", n, where, err)
	}
	if err := h.judgeAgain(ctx); err != nil {
		return killed, fmt.Errorf("after a kill at effect %d (%s): %w", n, where, err)
	}
	return killed, nil
}

func lastLine(path string) string {
	text, _ := os.ReadFile(path) //nolint:errcheck // for a message only
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// judgeAgain opens the finished observatory and lets the checker look at it.
func (h *house) judgeAgain(ctx context.Context) error {
	o, err := sim.Open(ctx, h.cfg)
	if err != nil {
		return err
	}
	defer o.Close() //nolint:errcheck // only read
	r, err := o.Check(ctx, h.truth, true)
	if err != nil {
		return err
	}
	for _, v := range r.Violations {
		err = errors.Join(err, fmt.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text))
	}
	for _, a := range o.Archives() {
		if r.Archived[a] != h.files() {
			err = errors.Join(err, fmt.Errorf("%d of %d files are right in %s", r.Archived[a], h.files(), a))
		}
	}
	if r.SourcesDeleted != h.files() {
		err = errors.Join(err, fmt.Errorf("%d of %d source files deleted", r.SourcesDeleted, h.files()))
	}
	chain, verr := o.Store.VerifyChain(ctx)
	if chain.Broken != 0 {
		err = errors.Join(err, fmt.Errorf("audit chain: %s", chain.Text))
	}
	return errors.Join(err, verr)
}
