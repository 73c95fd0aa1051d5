package sim_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// rivals opens an observatory in which two engines decide side by side.
func rivals(t *testing.T, files map[string][]byte, atOnce int) *house {
	t.Helper()
	cfg := stand(t, houseConfig(t, files))
	cfg.Engines, cfg.AtOnce = 2, atOnce
	return openHouse(t, cfg)
}

// E4: two engines at once, on one database: everything is done, and nothing twice.
func TestE4TwoEngines(t *testing.T) {
	t.Parallel()
	h := rivals(t, ccat(t), 4)
	h.fill("ccat.primecam", 24, 10_000)
	h.fill("ccat.chai", 8, 10_000)
	h.run()
	h.cleaned(h.judge())
	h.once()
	done := map[string]int{}
	tasks, err := h.Store.Tasks(t.Context(), opsdb.Query{})
	h.must(err)
	for _, task := range tasks {
		if task.State == opsdb.TaskCompleted && (task.Type == "package" || task.Type == "archive" || task.Type == "delete") {
			done[fmt.Sprintf("%s of %s at %s from %s", task.Type, task.Package.Short(), task.To, task.From)]++
		}
	}
	for what, n := range done {
		if n != 1 {
			t.Errorf("%s was done %d times", what, n)
		}
	}
}

// E8: two engines never put more on a link than it takes at once, and put as much.
func TestE8LinkLimits(t *testing.T) {
	t.Parallel()
	h := rivals(t, ccat(t), 16)
	h.fill("ccat.primecam", 64, 2000)
	most := map[string]int{}
	h.Driver.Step = func(ctx context.Context) error {
		used := map[string]int{}
		for _, state := range []opsdb.TaskState{opsdb.TaskScheduled, opsdb.TaskInProgress} {
			tasks, err := h.Store.Tasks(ctx, opsdb.Query{State: string(state)})
			if err != nil {
				return err
			}
			for _, task := range tasks {
				if task.Link != "" && task.Piece == opsdb.Send {
					used[task.Link]++
				}
			}
		}
		for link, n := range used {
			most[link] = max(most[link], n)
		}
		return nil
	}
	h.run()
	h.cleaned(h.judge())
	full := 0
	for link, n := range most {
		limit := h.Graph.Links[link].AtOnce
		if n > limit {
			t.Errorf("%d transfers at once on %s, which takes %d", n, link, limit)
		}
		if n == limit {
			full++
		}
	}
	if full == 0 {
		t.Errorf("no link was ever full: %v", most)
	}
}

// E6: fifteen packages of one route that stand before a closed link hold up neither another route nor another place.
func TestE6RoutesDoNotStarveEachOther(t *testing.T) {
	t.Parallel()
	const quick = `
  quick:
    stages:
      pack: {type: package, from: ccat.chai, to: ccat.buffer}
      ship: {type: transfer, from: ccat.buffer, to: cornell.buffer}
      archive: {type: archive, from: cornell.buffer, to: cornell.lta}
    retention:
      require_archived: 1
      locations:
        ccat.chai: {delete_when: age >= days(1)}
        ccat.buffer: {delete_when: archived >= 1}
        cornell.buffer: {delete_when: archived >= 1}
`
	const last = "        cologne.ramses: {delete_when: released && age >= days(3)}\n"
	h := newHouse(t, edited(t, last, last+quick, "from: [ccat.primecam, ccat.chai]", "from: ccat.primecam",
		"        ccat.chai:      {delete_when: age >= days(14), pressure: {above: 80%, until: 60%}}\n", "", "        to: landing\n        choose: order ", "        to: cologne.buffer\n        choose: order "))
	h.must(h.Store.Pause(t.Context(), opsdb.Pause{Subject: "link:ccat>cologne", Who: "tester", Why: "cable"}))
	h.fill("ccat.primecam", 60, 2000)
	h.later(time.Hour)
	for i := range 6 {
		path := fmt.Sprintf("o%d/f", i)
		h.must(os.MkdirAll(filepath.Join(h.Roots["ccat.chai"], filepath.Dir(path)), 0o755))
		h.must(os.WriteFile(filepath.Join(h.Roots["ccat.chai"], path), noise(uint64(700+i), 3000), 0o644))
	}
	h.Clock.Advance(time.Minute)
	h.later(time.Hour)
	stuck, through := 0, 0
	for _, f := range h.packages() {
		c := copyAt(f, "cornell.lta")
		switch {
		case f.Package.Route == "raw":
			stuck++
		case c != nil && c.Verified():
			through++
		}
	}
	if stuck != 15 || through != 6 {
		t.Errorf("%d packages stand before the closed link, %d of the other route are through; want 15 and 6", stuck, through)
	}
	h.must(h.Store.Resume(t.Context(), "link:ccat>cologne", "tester"))
	h.run()
	for _, f := range h.packages() {
		if c := copyAt(f, "cornell.lta"); c == nil || !c.Verified() {
			t.Errorf("%s is not in Cornell's archive", f.Package.Name)
		}
	}
}

// E7: an archive that takes nothing stalls nobody: the other one has everything within the hour, and it follows when it is mended.
func TestE7OneBadPlaceDoesNotStallOthers(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"cologne.lta", "cornell.lta"} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, ccat(t))
			obstacle := filepath.Join(h.Roots[bad], "raw")
			h.must(os.WriteFile(obstacle, []byte("a file where a folder belongs"), 0o644))
			h.fill("ccat.primecam", 16, 10_000)
			h.later(time.Hour)
			for _, f := range h.packages() {
				for _, at := range h.Archives() {
					if c := copyAt(f, at); (c != nil && c.Verified()) != (at != bad) {
						t.Errorf("after an hour the copy of %s at %s is %+v", f.Package.Name, at, c)
					}
				}
			}
			if r := h.reasons(bad); strings.Contains(r, ":ready") {
				t.Errorf("the moves to the bad place are %s", r)
			}
			h.must(os.Remove(obstacle))
			failed, err := h.Store.Tasks(t.Context(), opsdb.Query{State: string(opsdb.TaskFailed)})
			h.must(err)
			for _, task := range failed {
				h.must(h.Store.Retry(t.Context(), task.ID, "tester", "mended"))
			}
			h.run()
			h.cleaned(h.judge())
			h.once()
		})
	}
}

// E10: two hundred packages at once, as many tasks side by side as a site takes, and two engines: every one arrives, once.
func TestE10HundredsAtOnce(t *testing.T) {
	t.Parallel()
	h := rivals(t, ccat(t), 16)
	for i := range 200 {
		h.put("ccat.primecam", fmt.Sprintf("obs%03d/m/f", i), noise(uint64(i), 500))
	}
	const takes = 32 // a site whose workers do not say how many they take (engine.Limits)
	most := 0
	h.Driver.Step = func(ctx context.Context) error {
		given, err := h.Store.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskScheduled), Limit: 1000})
		at := 0
		for _, task := range given {
			if task.Site() == "ccat" {
				at++
			}
		}
		if most = max(most, at); at > takes {
			t.Errorf("%d tasks were given out at one time to a site that takes %d", at, takes)
		}
		return err
	}
	h.run()
	if most < takes {
		t.Errorf("no more than %d tasks were given out at one time, of two hundred packages", most)
	}
	h.cleaned(h.judge())
	h.once()
	if n := len(h.packages()); n != 200 {
		t.Errorf("%d packages, want 200", n)
	}
}
