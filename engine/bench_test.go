package engine_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// BenchmarkEvaluate times one pass over 100,000 tracked packages, of which k
// have changed: an archive copy was found bad, or good again. How many are
// tracked may be said in CDT_BENCH_PACKAGES, as "100000,1000000". At the end
// what is saved of every package is held against a full re-evaluation.
func BenchmarkEvaluate(b *testing.B) {
	tracked := os.Getenv("CDT_BENCH_PACKAGES")
	if tracked == "" {
		tracked = "100000"
	}
	for _, word := range strings.Split(tracked, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			b.Fatalf("CDT_BENCH_PACKAGES: %v", err)
		}
		b.Run("tracked="+word, func(b *testing.B) {
			t := track(b, n)
			for _, k := range []int{0, 1, 100, 10_000} {
				if k > n {
					continue
				}
				b.Run("changed="+strconv.Itoa(k), func(b *testing.B) { t.passes(b, k) })
			}
			if os.Getenv("CDT_BENCH_CHECK") != "no" {
				t.asEvaluatedInFull(b)
			}
		})
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

func (t *tracked) passes(b *testing.B, k int) {
	t.change(k) // once untimed: what is cold is not what is measured
	t.onePass(b, k)
	rows, passes := int64(0), 0
	for b.Loop() {
		b.StopTimer()
		t.change(k)
		before := t.store.RowsRead()
		b.StartTimer()
		t.onePass(b, k)
		rows += t.store.RowsRead() - before
		passes++
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(passes), "ms/pass")
	b.ReportMetric(float64(rows)/float64(passes), "rows/pass")
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
