package engine_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// BenchmarkEvaluate times one pass over 100,000 tracked packages, of which k
// have changed: an archive copy was found bad, or good again. How many are
// tracked may be said in CDT_BENCH_PACKAGES, as "100000,1000000"; passes over the one
// and the other go in turns, and ratio is how much longer the last takes than the first. At the end
// what is saved of every package is held against a full re-evaluation, unless CDT_BENCH_CHECK is "no".
func BenchmarkEvaluate(b *testing.B) {
	words := os.Getenv("CDT_BENCH_PACKAGES")
	if words == "" {
		words = "100000"
	}
	var all []*tracked
	for _, word := range strings.Split(words, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			b.Fatalf("CDT_BENCH_PACKAGES: %v", err)
		}
		all = append(all, track(b, n))
	}
	for _, k := range []int{0, 1, 100, 10_000} {
		b.Run("changed="+strconv.Itoa(k), func(b *testing.B) { inTurns(b, all, k) })
	}
	if os.Getenv("CDT_BENCH_CHECK") != "no" {
		for _, t := range all {
			t.asEvaluatedInFull(b)
		}
	}
}

// turns is how often each has its turn; fewer where one takes seconds.
func turns(k int) int {
	if k > 1000 {
		return 3
	}
	return 15
}

// inTurns times passes over all that are tracked, one after the other, and takes the middle of each.
func inTurns(b *testing.B, all []*tracked, k int) {
	took, rows := make([][]time.Duration, len(all)), make([]int64, len(all))
	for b.Loop() {
		for turn := range turns(k) + 1 {
			for i, t := range all {
				t.change(k)
				before, passed := t.store.RowsRead(), clock.Monotonic()
				t.onePass(b, k)
				if turn > 0 { // what is cold is not what is measured
					took[i] = append(took[i], passed())
				}
				rows[i] = t.store.RowsRead() - before
			}
		}
	}
	var middle []float64
	for i, t := range all {
		slices.Sort(took[i])
		middle = append(middle, took[i][len(took[i])/2].Seconds()*1000)
		b.ReportMetric(middle[i], fmt.Sprintf("ms/pass-of-%d", t.n))
		b.ReportMetric(float64(rows[i]), fmt.Sprintf("rows/pass-of-%d", t.n))
	}
	if len(all) > 1 {
		b.ReportMetric(middle[len(middle)-1]/middle[0], "ratio")
	}
}

// tracked is a play with n packages that are done, and a route that is paused:
// what is concluded is saved, and nothing goes.
type tracked struct {
	*play
	*stock
	n   int
	bad map[int]bool // by k: whether every (n/k)-th package has a bad copy
}

func track(b *testing.B, n int) *tracked {
	b.Helper()
	p := newPlay(b, ccatRules(b, ccat("cologne", "cornell")))
	p.must(p.store.Pause(p.ctx, opsdb.Pause{Subject: "route:raw", Who: "bench", Why: "bench"}))
	p.pass()
	t := &tracked{p, newStock(p), n, map[int]bool{}}
	now := p.clock.Now()
	t.stock.packages(n, now)
	t.stock.archived(n, now, "cologne.lta", "cornell.lta")
	one, err := p.store.Packages(p.ctx, opsdb.Query{Limit: 1})
	p.must(err)
	w, err := p.store.World(p.ctx)
	p.must(err)
	r := engine.Evaluate(p.g, engine.State{World: w, Facts: one}, w.Now)[0]
	if len(r.Moves)+len(r.Causes)+len(r.Condemn) > 0 || r.WakeAt.IsZero() {
		b.Fatalf("a package that is done waits for something: %+v", r.Evaluation)
	}
	t.stock.evaluated(r.WakeAt, asJSON(b, r.Wanted), asJSON(b, r.Policies))
	return t
}

func asJSON(b *testing.B, x any) string {
	b.Helper()
	text, err := json.Marshal(x)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// change spoils one archive copy of k packages, or puts all of them right again.
func (t *tracked) change(k int) {
	if k == 0 {
		return
	}
	state := "quarantined"
	if t.bad[k] {
		state = "present"
	}
	t.bad[k] = !t.bad[k]
	t.stock.exec(counted+`UPDATE copy SET state = ?2 WHERE id IN (SELECT printf('0198f002-0000-7000-8002-%012x', i * ?3) FROM n)`, k, state, t.n/k)
}

func (t *tracked) onePass(b *testing.B, k int) {
	b.Helper()
	did, _, err := t.engine.Pass(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if did.Evaluated != k || did.Dispatched > 0 {
		b.Fatalf("%d changed: %+v", k, did)
	}
}

// asEvaluatedInFull evaluates every package anew and compares.
func (t *tracked) asEvaluatedInFull(b *testing.B) {
	b.Helper()
	t.change(100)
	t.onePass(b, 100)
	w, err := t.store.World(b.Context())
	t.must(err)
	seen, waiting, after := 0, 0, opsdb.ID("")
	for {
		facts, err := t.store.Packages(b.Context(), opsdb.Query{After: after, Limit: 1000})
		t.must(err)
		if len(facts) == 0 {
			break
		}
		for i, r := range engine.Evaluate(t.g, engine.State{World: w, Facts: facts}, w.Now) {
			waiting += len(facts[i].Moves)
			t.same(b, facts[i], r)
		}
		seen, after = seen+len(facts), facts[len(facts)-1].Package.ID
	}
	if seen != t.n || waiting == 0 {
		b.Fatalf("%d of %d packages were compared, with %d moves", seen, t.n, waiting)
	}
}

// same holds what is saved of a package against a fresh evaluation.
func (t *tracked) same(b *testing.B, saved opsdb.Facts, r engine.Result) {
	b.Helper()
	byKey := cmpopts.SortSlices(func(x, y opsdb.OpenMove) bool { return x.Stage+x.From+x.To < y.Stage+y.From+y.To })
	if diff := cmp.Diff(saved.Moves, r.Moves, byKey, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(opsdb.OpenMove{}, "Version"), cmpopts.EquateApproxTime(time.Microsecond)); diff != "" {
		b.Fatalf("package %s (saved, evaluated):\n%s", saved.Package.ID, diff)
	}
	if !saved.Package.WakeAt.Equal(r.WakeAt) || saved.Package.Version != saved.Package.Evaluated || len(r.Condemn)+len(r.Pardon)+len(r.Press) > 0 {
		b.Fatalf("package %s: saved to wake %s, evaluated %s", saved.Package.ID, saved.Package.WakeAt, r.WakeAt)
	}
}
