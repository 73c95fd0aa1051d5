//go:build servers

package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// engines opens n stores on one database.
func engines(t *testing.T, n int, opts Options) []*Store {
	t.Helper()
	url := testserver.Postgres(t)
	all := make([]*Store, n)
	for i := range all {
		all[i] = openAt(t, url, opts)
	}
	return all
}

// at once calls f for 0 to n-1 at the same time.
func atOnce(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var wait sync.WaitGroup
	errs, start := make([]error, n), make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wait.Wait()
	must(t, errs...)
}

func ship(typ string) opsdb.OpenMove {
	return opsdb.OpenMove{Stage: "x", Type: typ, From: "a.s", To: "a.b", Verdict: "ready", Bytes: 10}
}

// Two engines give out slots and room; together never more than there are (E4).
func TestLastSlotAndRoom(t *testing.T) {
	t.Parallel()
	s := engines(t, 2, Options{})
	all := packages(t, s[0], 40)
	grants := make([]opsdb.Grant, len(all))
	for i, p := range all {
		grants[i] = grantOf(t, s[0], p.ID, ship("package"))
		grants[i].Slots = map[string]int{"stage:r/x": 9, "location:a.b": 30, fmt.Sprint("link:", i%3): 5}
		grants[i].Room = 70
	}
	var mu sync.Mutex
	got := map[opsdb.Refusal]int{}
	atOnce(t, 8, func(n int) error {
		for k := range 5 {
			mine := []opsdb.Grant{grants[(n*5+k)%len(grants)], grants[(n*5+39-k)%len(grants)]} // in different orders
			out, err := s[n%2].Dispatch(t.Context(), 1, mine)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, d := range out {
				got[d.Refusal]++
			}
			mu.Unlock()
		}
		return nil
	})
	w, err := s[1].World(t.Context())
	must(t, err)
	if got[opsdb.Granted] != 7 || w.Locations["a.b"].Reserved != 70 {
		t.Fatalf("%v, %d bytes are reserved of 70", got, w.Locations["a.b"].Reserved)
	}
}

// Many workers want one task; one gets it.
func TestClaimsRace(t *testing.T) {
	t.Parallel()
	s := engines(t, 3, Options{})
	p := packages(t, s[0], 1)[0]
	out, err := s[0].Dispatch(t.Context(), 1, []opsdb.Grant{grantOf(t, s[0], p.ID, ship("package"))})
	must(t, err)
	var mu sync.Mutex
	claimed := 0
	atOnce(t, 12, func(n int) error {
		_, err := s[n%3].Claim(t.Context(), out[0].Task.ID, fmt.Sprint("w", n), time.Minute)
		if errors.Is(err, opsdb.ErrNotClaim) {
			return nil
		}
		mu.Lock()
		claimed++
		mu.Unlock()
		return err
	})
	if claimed != 1 {
		t.Fatalf("%d workers have it", claimed)
	}
}

// Facts change while evaluations are saved: what is saved is of the version it was made of, and no change is lost.
func TestSaveAgainstFacts(t *testing.T) {
	t.Parallel()
	s := engines(t, 3, Options{})
	all := packages(t, s[0], 6)
	const rounds = 15
	atOnce(t, 3, func(n int) error {
		for range rounds {
			for i := range all {
				p := all[(i+2*n)%len(all)]
				if n == 2 {
					if _, err := s[n].Hold(t.Context(), opsdb.Hold{Package: p.ID, Who: "ada", Kind: opsdb.HoldMove}); err != nil {
						return err
					}
					continue
				}
				facts, err := s[n].Facts(t.Context(), []opsdb.ID{p.ID, all[i].ID})
				if err != nil {
					return err
				}
				var evals []opsdb.Evaluation
				for _, f := range facts {
					evals = append(evals, opsdb.Evaluation{Package: f.Package.ID, Version: f.Package.Version, Causes: []string{"room:a.b", "package:" + string(p.ID)},
						Moves: []opsdb.OpenMove{ship("package")}, Events: []opsdb.Event{{Kind: "test", Before: fmt.Sprint(f.Package.Version), After: fmt.Sprint(len(f.Holds))}}})
				}
				if _, err := s[n].Save(t.Context(), 1, evals); err != nil {
					return err
				}
			}
		}
		return nil
	})
	now, err := s[0].Now(t.Context())
	must(t, err)
	dirty, err := s[0].Dirty(t.Context(), now, 0)
	must(t, err)
	left := map[opsdb.ID]bool{}
	for _, f := range dirty {
		left[f.Package.ID] = true
	}
	for _, p := range all {
		facts, err := s[0].Facts(t.Context(), []opsdb.ID{p.ID})
		must(t, err)
		if len(facts[0].Holds) != rounds {
			t.Errorf("%d holds, %d were placed", len(facts[0].Holds), rounds)
		}
		if p := facts[0].Package; p.Version > p.Evaluated && !left[p.ID] {
			t.Errorf("package at %d, evaluated at %d, is not dirty", p.Version, p.Evaluated)
		}
	}
}

// One chains at a time, and no event comes twice or not at all.
func TestChainTogether(t *testing.T) {
	t.Parallel()
	s := engines(t, 3, Options{})
	atOnce(t, 6, func(n int) error {
		for k := range 20 {
			if n%2 == 0 {
				if _, err := s[n/2].Chain(t.Context()); err != nil {
					return err
				}
				continue
			}
			if _, _, err := s[n/2].FileFiles(t.Context(), []opsdb.File{{Location: "a.s", Path: fmt.Sprint(n, k)}}); err != nil {
				return err
			}
		}
		return nil
	})
	for n := 1; n > 0; {
		var err error
		n, err = s[0].Chain(t.Context())
		must(t, err)
	}
	c, err := s[1].VerifyChain(t.Context())
	must(t, err)
	if c.Events != 60 || c.Tail != 0 || c.Broken != 0 {
		t.Fatalf("chain %+v", c)
	}
}

// Two routes pack the same files at the same time: their packages know of each other (S1f).
func TestPeersMadeTogether(t *testing.T) {
	t.Parallel()
	s := engines(t, 2, Options{})
	packages(t, s[0], 1)
	files := make([]opsdb.File, 200)
	var ids []opsdb.ID
	var routings []opsdb.Routing
	for i := range files {
		files[i] = opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: fmt.Sprint("both/", i)}
		ids = append(ids, files[i].ID)
		for _, route := range []string{"one", "two"} {
			routings = append(routings, opsdb.Routing{File: files[i].ID, Route: route, Stage: "p", Key: "k"})
		}
	}
	_, _, err := s[0].FileFiles(t.Context(), files)
	must(t, err, s[0].Route(t.Context(), ids, routings))
	now, err := s[0].Now(t.Context())
	must(t, err)
	groups, err := s[0].DirtyGroups(t.Context(), now, 0)
	must(t, err)
	if len(groups) != 2 {
		t.Fatalf("%d groups", len(groups))
	}
	made := make([]opsdb.ID, 2)
	atOnce(t, 2, func(n int) error {
		p, err := s[n].CloseGroup(t.Context(), groups[n].ID, groups[n].Version, 1, []opsdb.NewPackage{{Files: files}})
		if err == nil {
			made[n] = p[0].ID
		}
		return err
	})
	facts, err := s[0].Facts(t.Context(), made)
	must(t, err)
	for i, f := range facts {
		if len(f.Peers) != 1 || f.Peers[0].Package != made[1-i] {
			t.Errorf("peers of %s: %v", made[i], f.Peers)
		}
	}
}

// Several processes file the same files at once; each is there once.
func TestFileTogether(t *testing.T) {
	t.Parallel()
	s := engines(t, 3, Options{})
	files := make([]opsdb.File, 300)
	for i := range files {
		files[i] = opsdb.File{Location: "a.s", Path: fmt.Sprintf("f%03d", i), Size: 2, ModTime: time.Unix(1e9, 7)}
	}
	filed := make([]int, 6)
	atOnce(t, 6, func(n int) (err error) {
		filed[n], _, err = s[n%3].FileFiles(t.Context(), files)
		return err
	})
	sum := 0
	for _, n := range filed {
		sum += n
	}
	totals, err := s[0].Totals(t.Context())
	must(t, err)
	if got := totals.Files["a.s"][opsdb.Present]; sum != 300 || got != (opsdb.Sum{Count: 300, Bytes: 600}) {
		t.Fatalf("filed %d: %+v", sum, got)
	}
}

// Jobs are written with their tasks, or neither is.
func TestEnqueueInTheTransaction(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	fails := errors.New("the queue is full")
	var fail error
	s := openAt(t, url, Options{Enqueue: func(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error {
		for _, task := range tasks {
			if _, err := tx.Exec(ctx, `INSERT INTO job (task, site) VALUES ($1, $2)`, string(task.ID), task.Site()); err != nil {
				return err
			}
		}
		return fail
	}})
	testserver.PostgresExec(t, url, `CREATE TABLE job (task text, site text)`)
	jobs := func(want int64) {
		t.Helper()
		var n int64
		must(t, s.read(t.Context(), "jobs", func(v *view) (err error) {
			n, err = v.count(`SELECT count(*) FROM job j JOIN task t ON t.id = j.task`)
			return err
		}))
		if n != want {
			t.Fatalf("%d jobs, want %d", n, want)
		}
	}
	p := packages(t, s, 1)[0]
	m := ship("transfer")
	m.SendSite, m.ReceiveSite, m.Link = "a", "b", "a>b"
	g := grantOf(t, s, p.ID, m)
	g.Piece = opsdb.Send
	fail = fails
	if _, err := s.Dispatch(t.Context(), 1, []opsdb.Grant{g}); !errors.Is(err, fails) {
		t.Fatalf("dispatched: %v", err)
	}
	jobs(0)
	if tasks, err := s.Tasks(t.Context(), opsdb.Query{}); err != nil || len(tasks) != 0 {
		t.Fatalf("tasks %v, %v", tasks, err)
	}
	fail = nil
	out, err := s.Dispatch(t.Context(), 1, []opsdb.Grant{g})
	must(t, err)
	jobs(1)
	a, err := s.Claim(t.Context(), out[0].Task.ID, "w", time.Minute)
	must(t, err)
	next, err := s.Finish(t.Context(), a.Task.ID, a.Task.Token, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 10}})
	must(t, err)
	jobs(2)
	_, err = s.Claim(t.Context(), next.ID, "w", time.Millisecond)
	must(t, err)
	eventually(t, func() error {
		again, err := s.Expire(t.Context(), time.Now().Add(time.Hour), time.Minute)
		if err == nil && len(again) != 1 {
			err = fmt.Errorf("%d brought again", len(again))
		}
		return err
	})
	jobs(3)
}

// Text that PostgreSQL refuses comes back as it was.
func TestAnyText(t *testing.T) {
	t.Parallel()
	s := openAt(t, testserver.Postgres(t), Options{})
	for i, name := range []string{"\xff\xfe", "a\x00b", "%41", escaped, escaped + "\x00", "größe"} {
		f := opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: fmt.Sprint(i) + name, Instrument: name, Observation: name, Module: name, Program: name, Tags: []string{"t"}}
		_, results, err := s.FileFiles(t.Context(), []opsdb.File{f})
		must(t, err, results[0], s.Route(t.Context(), []opsdb.ID{f.ID}, []opsdb.Routing{{File: f.ID, Route: "r", Stage: "p", Key: name, Group: opsdb.Group{Observation: name}}}))
		must(t, s.Route(t.Context(), []opsdb.ID{f.ID}, []opsdb.Routing{{File: f.ID, Route: "q", Stage: "p", Key: name, Group: opsdb.Group{Observation: name}}}))
		must(t, s.FinishObservation(t.Context(), "", name))
		got, err := s.FindFile(t.Context(), string(f.ID))
		must(t, err)
		if got.Path != f.Path || got.Instrument != name || got.Observation != name || got.Module != name || got.Program != name {
			t.Errorf("%q came back as %+v", name, got)
		}
		groups, _, err := s.FileHome(t.Context(), f.ID)
		must(t, err)
		if len(groups) != 2 || groups[0].Key != name || groups[0].Observation != name || !groups[0].Finished || !groups[1].Finished {
			t.Errorf("%q is in %+v", name, groups)
		}
	}
}
