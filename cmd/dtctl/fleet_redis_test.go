//go:build servers

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ccatobs/cdt/testserver"
)

// Redis is away when a fleet starts, comes, is full, and is lost while it works: the view is less
// fresh, every file is archived all the same, and no process ends. With Redis, status shows what runs from there.
func TestFleetWithoutItsRedis(t *testing.T) {
	t.Parallel()
	f := newFleet(t, testserver.Postgres(t), "GB(1)")
	r := testserver.Redis(t)
	r.Kill()
	f.redis = r.URL
	engine := f.engine()
	engine.waitFor(`"msg":"serving"`)
	f.initialise()
	all := []*served{engine, f.worker("ccat"), f.worker("cologne"), f.worker("cornell")}
	for _, p := range all[1:] {
		p.waitFor(`"msg":"working"`)
	}
	f.fill("obs1", 300_000_000, 300_000_000, rand.New(rand.NewPCG(10, 0))) //nolint:gosec // repeatable on purpose
	f.untilShown("something runs, and the status says so without Redis", false)
	r.Start()
	f.untilShown("the status shows what Redis knows", true)
	r.Fill()
	f.fill("obs2", 20_000_000, 4_000_000, rand.New(rand.NewPCG(10, 1))) //nolint:gosec // repeatable on purpose
	f.untilShown("something runs while Redis is full", false)
	r.Freeze()
	f.until("everything is archived and cleaned up", 3*time.Minute, f.finished)
	r.Thaw()
	for _, p := range all {
		p.stop()
	}
	f.check()
}

// untilShown waits until the status shows a running task. That there is something that runs, files come now and then.
func (f *fleet) untilShown(what string, live bool) {
	f.t.Helper()
	looks := 0
	f.until(what, 2*time.Minute, func(ctx context.Context, s looker) (bool, error) {
		if looks++; looks%50 == 0 {
			more := len(f.truth)
			f.fill(fmt.Sprintf("more%d", more), 50_000_000, 50_000_000, rand.New(rand.NewPCG(11, uint64(more)))) //nolint:gosec // repeatable on purpose
		}
		return f.shows(live)(ctx, s)
	})
}

// shows reports whether the status shows a running task, by what Redis says or by what OpsDB does.
func (f *fleet) shows(live bool) func(context.Context, looker) (bool, error) {
	return func(context.Context, looker) (bool, error) {
		out, _ := dtctl(f.t, exitGood, "status", "-o", "json", "--db", f.url, "--redis", f.redis)
		var v statusJSON
		if err := json.Unmarshal([]byte(out), &v); err != nil {
			return false, err
		}
		for _, r := range v.Running {
			if r.Live == live || !live {
				return true, nil
			}
		}
		return false, nil
	}
}
