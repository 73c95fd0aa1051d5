package opsdb

import (
	"maps"
	"testing"
	"time"
)

func TestWaits(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(1_700_000_000+s, 0) }
	for name, c := range map[string]struct {
		waits Waits
		want  map[string]time.Duration
	}{
		"nothing":           {"", nil},
		"one gate":          {Waits("").At("window", at(0)), map[string]time.Duration{"window": 100 * time.Second}},
		"the same again":    {Waits("").At("window", at(0)).At("window", at(50)), map[string]time.Duration{"window": 100 * time.Second}},
		"one after another": {Waits("").At("window", at(0)).At("slot", at(10)).At("room", at(30)), map[string]time.Duration{"window": 10 * time.Second, "slot": 20 * time.Second, "room": 70 * time.Second}},
		"back and forth": {Waits("").At("slot", at(0)).At("room", at(10)).At("slot", at(30)).At("room", at(35)).At("slot", at(95)),
			map[string]time.Duration{"slot": 20 * time.Second, "room": 80 * time.Second}},
		"no time at all":  {Waits("").At("ready", at(0)).At("slot", at(0)), map[string]time.Duration{"slot": 100 * time.Second}},
		"backwards":       {Waits("").At("window", at(50)).At("slot", at(20)), map[string]time.Duration{"slot": 80 * time.Second}},
		"not of our make": {"nonsense", map[string]time.Duration{"nonsense": time.Duration(at(100).UnixMicro()) * time.Microsecond}},
	} {
		if got := c.waits.Spent(at(100)); !maps.Equal(got, c.want) {
			t.Errorf("%s: %q spent %v, want %v", name, c.waits, got, c.want)
		}
	}
}
