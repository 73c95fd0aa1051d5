//go:build servers

package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

const awayText = `"msg":"the database is away: waiting for it"`

// An engine and workers that start while PostgreSQL is away say so once and wait for it;
// so do they when it goes away while they work. Stopped meanwhile, they end well.
func TestFleetWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	server := testserver.PostgresThatStops(t)
	f := newFleet(t, server.DSN, "MB(8)")
	dtctl(t, exitGood, "migrate", "--db", f.url)
	f.look()
	server.Stop(testserver.StopFast)
	engine, ccat, cologne := f.engine(), f.worker("ccat"), f.worker("cologne")
	all := []*served{engine, ccat, cologne}
	for _, p := range all {
		p.waitFor(awayText)
	}
	other := f.worker("cornell")
	other.waitFor(awayText)
	other.stop()
	server.Start()
	engine.waitFor(`"msg":"serving"`)
	f.initialise()
	all = append(all, f.worker("cornell"))
	for _, p := range all[1:] {
		p.waitFor(`"msg":"working"`)
	}
	for i, mode := range []string{testserver.StopFast, testserver.StopImmediate} {
		before := f.archived()
		f.fill([]string{"obs1", "obs2"}[i], 40_000_000, 4_000_000, rand.New(rand.NewPCG(8, uint64(i)))) //nolint:gosec // repeatable on purpose
		f.until("something more is archived", time.Minute, func(context.Context, looker) (bool, error) { return f.archived() > before, nil })
		server.Stop(mode)
		away := time.NewTimer(4 * time.Second)
		<-away.C
		server.Start()
	}
	f.until("everything is archived and cleaned up", 2*time.Minute, f.finished)
	for _, p := range all {
		p.stop()
		if n := strings.Count(p.log(), awayText); n > 3 {
			t.Errorf("the database was away three times at most, and this process says so %d times:\n%s", n, tail(p.log()))
		}
	}
	f.check()
}

// archived counts the packages in Cologne's archive.
func (f *fleet) archived() int {
	f.t.Helper()
	totals, err := f.look().Totals(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return totals.Copies["cologne.lta"][opsdb.Present].Count
}
