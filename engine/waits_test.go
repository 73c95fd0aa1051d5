package engine

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// A move counts what it waited for since it was last given out.
func TestWaitsSoFar(t *testing.T) {
	t.Parallel()
	at := func(m int) time.Time { return time.Unix(1_700_000_000, 0).Add(time.Duration(m) * time.Minute) }
	row := func(r Reason, w opsdb.Waits, since int) *opsdb.OpenMove {
		return &opsdb.OpenMove{Verdict: string(r.Verdict()), Reason: string(r), Waits: w, Since: at(since)}
	}
	slot := opsdb.Waits("").At(string(OutsideWindow), at(0)).At(string(NoSlot), at(10))
	for name, c := range map[string]struct {
		old  *opsdb.OpenMove
		now  Reason
		want opsdb.Waits
	}{
		"new":                                  {nil, OutsideWindow, opsdb.Waits("").At("window", at(20))},
		"the same gate":                        {row(OutsideWindow, opsdb.Waits("").At("window", at(0)), 0), OutsideWindow, opsdb.Waits("").At("window", at(0))},
		"the next gate":                        {row(OutsideWindow, opsdb.Waits("").At("window", at(0)), 0), Paused, opsdb.Waits("").At("window", at(0)).At("paused", at(20))},
		"refused, and ready again":             {row(NoSlot, slot, 10), CanGo, slot},
		"given out":                            {row(CanGo, slot, 10), Dispatched, ""},
		"after an attempt":                     {row(Working, "", 5), Backoff, opsdb.Waits("").At("backoff", at(20))},
		"of a program that kept no such thing": {row(Paused, "", 0), OutsideWindow, opsdb.Waits("").At("window", at(20))},
	} {
		if got := waitsSoFar(c.old, Decision{Reason: c.now, Verdict: c.now.Verdict()}, at(20)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
