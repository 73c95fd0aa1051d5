package sqlite

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// grows are the tables whose rows are never few.
var grows = regexp.MustCompile(`^SCAN (file|f|u|file_group|g|group_file|gf|package|p|a|o|member|m|b|peer|e|receipt|r|copy|c|task|t|task_slot|open_move|hop|waiting|staging_request|q|hold|h|resend|rs|event|segments)\b`)

// queues are partial indexes that hold what is to be done and nothing else: they may be walked.
var queues = regexp.MustCompile(`USING (COVERING )?INDEX (file_unrouted|group_dirty|group_wake|package_dirty|package_wake|package_pending|move_lane|move_left|task_lease|task_retry|group_open|group_observation)\b`)

// TestSteadyStateDoesNotScan runs what goes on all the time, then looks at the
// plan of every statement that was used.
func TestSteadyStateDoesNotScan(t *testing.T) {
	t.Parallel()
	s := openAt(t, clock.NewVirtual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	setUp := statements(s)
	steadyState(t, s)
	used := statements(s)
	n := 0
	for q := range used {
		if setUp[q] {
			continue
		}
		n++
		for _, step := range planOf(t, s, q) {
			if grows.MatchString(step) && !queues.MatchString(step) {
				t.Errorf("%s\n  in %s", step, q)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d statements were looked at", n)
	}
}

// TestPlanFindsScans makes sure that the look at plans can fail.
func TestPlanFindsScans(t *testing.T) {
	t.Parallel()
	s := openAt(t, clock.System{})
	for _, q := range []string{`SELECT * FROM file f WHERE f.size = 7`, `SELECT * FROM package p ORDER BY p.name`, `SELECT 1 FROM task t WHERE t.worker = 'w'`} {
		found := false
		for _, step := range planOf(t, s, q) {
			found = found || grows.MatchString(step) && !queues.MatchString(step)
		}
		if !found {
			t.Errorf("no scan seen in %s: %v", q, planOf(t, s, q))
		}
	}
}

// statements are all that were prepared so far. It takes every connection for itself.
func statements(s *Store) map[string]bool {
	all := map[string]bool{}
	var readers []*conn
	for range s.readers {
		readers = append(readers, <-s.reader)
	}
	w := <-s.writer
	for _, c := range append(readers, w) {
		for q := range c.stmts {
			all[q] = true
		}
	}
	for _, c := range readers {
		s.reader <- c
	}
	s.writer <- w
	return all
}

func planOf(t *testing.T, s *Store, q string) (steps []string) {
	t.Helper()
	err := s.read(t.Context(), "plan", func(v *view) error {
		rows, err := v.c.c.QueryContext(v.ctx, "EXPLAIN QUERY PLAN "+q, make([]any, parameters(q))...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				return err
			}
			steps = append(steps, step)
		}
		return rows.Err()
	})
	must(t, err)
	return steps
}

var numbered = regexp.MustCompile(`[?$]([0-9]+)`)

// parameters counts what a statement must be given.
func parameters(q string) int {
	highest := 0
	for _, m := range numbered.FindAllStringSubmatch(q, -1) {
		n, _ := strconv.Atoi(m[1])
		highest = max(highest, n)
	}
	return max(highest, strings.Count(q, "?"))
}

// steadyState calls what engine, filing and workers call all day, on one
// package. Errors are of no interest here: the statements are.
func steadyState(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	must(t, activateFor(t, s))
	must(t, s.Present(ctx, opsdb.Worker{ID: "w", Sites: []string{"a", "b"}}))
	f := opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: "x", Size: 1, ModTime: s.clock.Now()}
	late := opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: "y", Size: 1, ModTime: s.clock.Now()}
	_, _, err := s.FileFiles(ctx, []opsdb.File{f, late, f})
	must(t, err)
	_, err = s.Unrouted(ctx, 10)
	must(t, err)
	must(t, s.Route(ctx, []opsdb.ID{f.ID, late.ID}, []opsdb.Routing{{File: f.ID, Route: "r", Stage: "p", Key: "k"}, {File: late.ID, Route: "q", Stage: "p", Key: "k"}}))
	groups, err := s.DirtyGroups(ctx, s.clock.Now(), 10)
	must(t, err)
	_, err = s.GroupFiles(ctx, groups[0].ID)
	must(t, err)
	must(t, s.KeepGroup(ctx, groups[0].ID, groups[0].Version, s.clock.Now(), ""))
	made, err := s.CloseGroup(ctx, groups[0].ID, groups[0].Version, 1, []opsdb.NewPackage{{Files: []opsdb.File{f}}})
	must(t, err)
	must(t, s.FinishObservation(ctx, "", "o"))
	work(t, s, made[0])
	must(t, s.Missing(ctx, "a.s", []opsdb.ID{f.ID, late.ID}))
	_, _, err = s.FileFiles(ctx, []opsdb.File{f, late})
	must(t, err)
	for range s.KnownFiles(ctx, "a.s") {
	}
	must(t, s.Wake(ctx, []string{"site:a"}, 5))
	for _, above := range []int64{-1, -1, 100} { // begins, goes on, is over
		_, err = s.Press(ctx, []opsdb.Mark{{Location: "a.s", Above: above, Until: above - 1}})
		must(t, err)
	}
	_, err = s.Chain(ctx)
	must(t, err)
	_, err = s.Totals(ctx)
	must(t, err)
	_, err = s.NextWake(ctx)
	must(t, err)
}

func activateFor(t *testing.T, s *Store) error {
	m := opsdb.Mirror{Sites: []opsdb.Site{{Name: "a"}, {Name: "b"}}, Links: []opsdb.Link{{From: "a", To: "b"}}, Locations: []opsdb.Location{
		{Name: "a.s", Type: opsdb.Source}, {Name: "a.b", Type: opsdb.Buffer}, {Name: "b.b", Type: opsdb.Buffer}, {Name: "b.l", Type: opsdb.Archive}}}
	_, err := s.Activate(t.Context(), opsdb.Revision{Digest: "d"}, m)
	// What a person does now and then may scan.
	for _, c := range []chan *conn{s.reader, s.writer} {
		held := <-c
		clear(held.stmts)
		c <- held
	}
	return err
}

// work carries the package through tasks of every kind and end.
func work(t *testing.T, s *Store, p opsdb.Package) {
	t.Helper()
	ctx := t.Context()
	move := opsdb.OpenMove{Stage: "x", Type: "package", From: "a.s", To: "a.b", Verdict: "ready", Bytes: 1}
	a := assign(t, s, p, move)
	for m, err := range s.Members(ctx, p.ID) {
		must(t, err)
		m.Digest = "m"
		must(t, s.RecordMembers(ctx, a.Task.ID, a.Task.Token, []opsdb.Member{m}))
	}
	must(t, s.Renew(ctx, a.Task.ID, a.Task.Token, time.Minute, "tar", 0, 1))
	receipt := opsdb.Receipt{Package: p.ID, Location: "a.b", Path: "p", Digest: "d", Size: 1}
	_, err := s.Finish(ctx, a.Task.ID, a.Task.Token, opsdb.Outcome{Packed: &opsdb.Packed{Size: 1, Digest: "d"}, Receipts: []opsdb.Receipt{receipt}, Target: &opsdb.CopyFact{State: opsdb.Present, Size: 1}})
	must(t, err)
	move.Type, move.From, move.To, move.Link = "transfer", "a.b", "b.b", "a>b"
	a = assign(t, s, p, move)
	_, err = s.Finish(ctx, a.Task.ID, a.Task.Token, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 1}})
	must(t, err)
	a, err = s.Claim(ctx, a.Task.ID, "w", time.Minute)
	must(t, err)
	must(t, s.Fail(ctx, a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Environment, Subject: "link:a>b"}, s.clock.Now(), false, opsdb.Outcome{}))
	_, err = s.Expire(ctx, s.clock.Now().Add(time.Hour), time.Minute)
	must(t, err)
	must(t, s.Report(ctx, opsdb.LocationReport{Location: "b.b", Free: 1, Down: &opsdb.Down{Reason: "full"}}))
	must(t, s.Report(ctx, opsdb.LocationReport{Location: "b.b", Free: 2}))
	condemnAndAsk(t, s, p, move)
}

// assign saves, dispatches and claims one move.
func assign(t *testing.T, s *Store, p opsdb.Package, m opsdb.OpenMove) *opsdb.Assignment {
	t.Helper()
	ctx := t.Context()
	facts, err := s.Dirty(ctx, s.clock.Now(), 10)
	must(t, err)
	if len(facts) != 1 {
		t.Fatalf("%d dirty packages", len(facts))
	}
	m.Version = facts[0].Package.Version
	m.Package = p.ID
	_, err = s.Save(ctx, 1, []opsdb.Evaluation{{Package: p.ID, Version: m.Version, Moves: []opsdb.OpenMove{m}, Causes: []string{"site:a"}, Policies: map[string]opsdb.Policy{"a.s": {}}}})
	must(t, err)
	ready, err := s.Ready(ctx, 10)
	must(t, err)
	must(t, s.Waiting(ctx, ready))
	out, err := s.Dispatch(ctx, 1, []opsdb.Grant{{Move: m, Path: "p", Room: 100, Slots: map[string]int{"link:a>b": 1}, ClaimBy: time.Minute}})
	must(t, err)
	if out[0].Refusal != opsdb.Granted {
		t.Fatalf("refused: %+v", out[0])
	}
	a, err := s.Claim(ctx, out[0].Task.ID, "w", time.Minute)
	must(t, err)
	return a
}

// condemnAndAsk has the gate asked for the source files, with a refusal.
func condemnAndAsk(t *testing.T, s *Store, p opsdb.Package, m opsdb.OpenMove) {
	t.Helper()
	ctx := t.Context()
	for range 2 {
		facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
		must(t, err)
		for _, c := range facts[0].Copies {
			if c.Form == opsdb.Files {
				m.Type, m.From, m.To, m.TargetCopy, m.Version, m.Link = "delete", "a.s", "a.s", c.ID, facts[0].Package.Version, ""
			}
		}
		m.Package = p.ID
		_, err = s.Save(ctx, 1, []opsdb.Evaluation{{Package: p.ID, Version: m.Version, Moves: []opsdb.OpenMove{m}, Condemn: []opsdb.ID{m.TargetCopy}, Policies: map[string]opsdb.Policy{"a.s": {}}}})
		must(t, err)
	}
	out, err := s.Dispatch(ctx, 1, []opsdb.Grant{{Move: m, ClaimBy: time.Minute}})
	must(t, err)
	if out[0].Refusal != opsdb.GateShut {
		t.Fatalf("the gate is open: %+v", out[0])
	}
}
