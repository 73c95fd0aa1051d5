//go:build servers

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
)

// fileOne files a file of its own observation.
func fileOne(t testing.TB, s *Store, observation string) {
	t.Helper()
	_, results, err := s.FileFiles(t.Context(), []opsdb.File{{Location: "a.s", Path: observation + "/1", Size: 7, ModTime: time.Unix(1e9, 123456789), Instrument: "i", Observation: observation, Module: "m", Tags: []string{"x"}}})
	must(t, append(results, err)...)
}

func todo(t testing.TB, s *Store) opsdb.Todo {
	t.Helper()
	got, err := s.Todo(t.Context(), 100)
	must(t, err)
	return got
}

// routed says that each file goes into the group of its observation.
func routed(files []opsdb.File) (ids []opsdb.ID, routings []opsdb.Routing) {
	for _, f := range files {
		ids = append(ids, f.ID)
		routings = append(routings, opsdb.Routing{File: f.ID, Route: "r", Stage: "p", Key: f.Observation, Group: opsdb.Group{Route: "r", Stage: "p", Location: f.Location,
			Instrument: f.Instrument, Observation: f.Observation, Module: f.Module, Tags: f.Tags}})
	}
	return ids, routings
}

// goShort takes the way from files to tasks, and hands over what was said on it.
func goShort(ctx context.Context, s *Store, todo opsdb.Todo, saw func(groups []opsdb.OpenGroup, facts []opsdb.Facts)) (tasks []opsdb.Task, err error) {
	return goShortOver(ctx, s, todo, 100, true, saw)
}

// goShortOver takes it where there are so many slots. What gets a task is saved before, or it is not.
func goShortOver(ctx context.Context, s *Store, todo opsdb.Todo, slots int, saved bool, saw func(groups []opsdb.OpenGroup, facts []opsdb.Facts)) (tasks []opsdb.Task, err error) {
	err = s.Short(ctx, 1, todo, 100, func(way opsdb.Short) error {
		groups, err := way.Route(ctx, first(routed(todo.Unrouted)), second(routed(todo.Unrouted)))
		if err != nil {
			return err
		}
		var facts []opsdb.Facts
		for _, g := range groups {
			made, err := way.CloseGroup(ctx, g, []opsdb.NewPackage{{Package: opsdb.Package{Destination: "a.b"}, Files: g.Members}})
			if err != nil {
				return err
			}
			facts = append(facts, made...)
		}
		saw(groups, facts)
		evals, grants := concluded(facts, slots)
		if left, err := way.Hold(ctx); err != nil || len(left) > 0 {
			return errors.Join(err, fmt.Errorf("left: %v", left))
		}
		if _, _, err := way.Queue(ctx, nil); err != nil {
			return err
		}
		if !saved {
			evals = nil
		}
		if err := way.Save(ctx, evals); err != nil {
			return err
		}
		out, err := way.Dispatch(ctx, grants)
		for _, d := range out {
			if d.Refusal == opsdb.Granted {
				tasks = append(tasks, d.Task)
			}
		}
		return err
	})
	return tasks, err
}

func first[A, B any](a A, _ B) A  { return a }
func second[A, B any](_ A, b B) B { return b }

func concluded(facts []opsdb.Facts, slots int) (evals []opsdb.Evaluation, grants []opsdb.Grant) {
	for _, f := range facts {
		m := ship("package")
		m.Package, m.Version, m.Number, m.Bytes = f.Package.ID, f.Package.Version, f.Package.Number, f.Package.Size
		evals = append(evals, opsdb.Evaluation{Package: f.Package.ID, Version: f.Package.Version, Moves: []opsdb.OpenMove{m}, Wanted: []string{"b.l"}, Causes: []string{"location:a.b"}})
		grants = append(grants, opsdb.Grant{Move: m, Path: f.Package.Name + ".tar", ClaimBy: time.Minute, Slots: map[string]int{"site:a": slots}})
	}
	return evals, grants
}

// What a short way hands on is what would be read, and it leads to the task with its job, in one commit. What was
// concluded is written, or the package waits to be evaluated anew.
func TestShortWay(t *testing.T) {
	t.Parallel()
	t.Run("saved", func(t *testing.T) { t.Parallel(); goesShort(t, true) })
	t.Run("to be evaluated anew", func(t *testing.T) { t.Parallel(); goesShort(t, false) })
}

func goesShort(t *testing.T, saved bool) {
	t.Helper()
	var offered []opsdb.Task
	s := engines(t, 1, Options{Enqueue: func(ctx context.Context, tx pgx.Tx, tasks []opsdb.Task) error {
		offered = append(offered, tasks...)
		_, err := tx.Exec(ctx, `SELECT 1`)
		return err
	}})[0]
	packages(t, s, 1)
	fileOne(t, s, "new")
	var handed []opsdb.Facts
	tasks, err := goShortOver(t.Context(), s, todo(t, s), 100, saved, func(_ []opsdb.OpenGroup, facts []opsdb.Facts) { handed = facts })
	must(t, err)
	if len(tasks) != 1 || len(handed) != 1 || len(offered) != 1 || offered[0].ID != tasks[0].ID {
		t.Fatalf("tasks %v, facts %v, offered %v", tasks, handed, offered)
	}
	moves, evaluated := 0, int64(0)
	if saved {
		moves, evaluated = 1, handed[0].Package.Version
	}
	read, err := s.Facts(t.Context(), []opsdb.ID{handed[0].Package.ID})
	must(t, err)
	if len(read) != 1 || len(read[0].Copies) != 2 || len(read[0].Moves) != moves || len(read[0].Tasks) != 1 {
		t.Fatalf("read %+v", read)
	}
	if p := read[0].Package; p.Evaluated != evaluated || p.Version <= handed[0].Package.Version || p.Number != 2 {
		t.Errorf("package %d at version %d, evaluated at %d", p.Number, p.Version, p.Evaluated)
	}
	wrote, err := s.Task(t.Context(), tasks[0].ID)
	must(t, err)
	same(t, tasks[0], wrote, cmpopts.IgnoreFields(opsdb.Task{}, "ReceiveSite"))
	same(t, handed[0].Package, read[0].Package, cmpopts.IgnoreFields(opsdb.Package{}, "Version", "Evaluated"))
	for _, c := range read[0].Copies {
		if c.Form == opsdb.Files {
			same(t, handed[0].Copies[0], c)
		}
	}
	n, err := s.Totals(t.Context())
	must(t, err)
	if sum := n.Files["a.s"][opsdb.Present]; sum.Count != 2 || n.Grouped.Count != 0 || n.Unrouted.Count != 0 || n.Copies["a.b"][opsdb.Expected].Count != 1 || n.Packages["packing"] != 2 {
		t.Errorf("totals %+v", n)
	}
	_, err = s.Claim(t.Context(), tasks[0].ID, "w", time.Minute)
	must(t, err)
	if got := todo(t, s); len(got.Unrouted)+len(got.Groups) > 0 || !slices.ContainsFunc(got.Dirty, func(f opsdb.Facts) bool { return f.Package.ID == handed[0].Package.ID }) {
		t.Errorf("still to do: %+v", got)
	}
}

// Where the last slot is taken meanwhile, the way has not been gone (E4).
func TestShortWayWithoutSlot(t *testing.T) {
	t.Parallel()
	s := engines(t, 1, Options{})[0]
	packages(t, s, 1)
	for i := range 3 {
		fileOne(t, s, fmt.Sprint("n", i))
	}
	now := todo(t, s)
	quietly := func([]opsdb.OpenGroup, []opsdb.Facts) {}
	tasks, err := goShortOver(t.Context(), s, now, 2, true, quietly)
	must(t, err)
	if len(tasks) != 2 {
		t.Fatalf("%d tasks on two slots", len(tasks))
	}
	fileOne(t, s, "late")
	now = todo(t, s)
	if _, err := goShortOver(t.Context(), s, now, 2, true, quietly); !errors.Is(err, opsdb.ErrChanged) {
		t.Fatalf("a third task on two slots: %v", err)
	}
	if again := todo(t, s); len(again.Unrouted) != 1 || len(again.Groups) != 0 {
		t.Errorf("left over: %d files, %d groups", len(again.Unrouted), len(again.Groups))
	}
	if tasks, err = goShortOver(t.Context(), s, now, 3, true, quietly); err != nil || len(tasks) != 1 {
		t.Errorf("%d tasks, %v", len(tasks), err)
	}
}

// The other short ways: a group that stays open, one that was open, and nothing at all if the revision changed.
func TestShortWaysOfGroups(t *testing.T) {
	t.Parallel()
	s, ctx := engines(t, 1, Options{})[0], t.Context()
	packages(t, s, 1)
	fileOne(t, s, "g")
	var open opsdb.OpenGroup
	now := todo(t, s)
	must(t, s.Short(ctx, 1, now, 100, func(way opsdb.Short) error {
		groups, err := way.Route(ctx, first(routed(now.Unrouted)), second(routed(now.Unrouted)))
		if err == nil {
			open, err = groups[0], way.KeepGroup(ctx, groups[0], time.Time{}, "more may come")
		}
		return err
	}))
	must(t, s.FinishObservation(ctx, "", "g"))
	later := todo(t, s)
	if len(later.Groups) != 1 || len(later.Groups[0].Members) != 1 {
		t.Fatalf("groups %+v", later.Groups)
	}
	same(t, open, later.Groups[0], cmpopts.IgnoreFields(opsdb.Group{}, "Version", "Evaluated", "Finished"))
	_, _, err := s.FileFiles(ctx, []opsdb.File{{Location: "a.s", Path: "g/2", Size: 1, ModTime: time.Unix(1e9, 0), Instrument: "i", Observation: "g", Module: "m"}})
	must(t, err)
	if err := s.Short(ctx, 2, todo(t, s), 100, func(way opsdb.Short) error { _, err := way.World(ctx); return err }); !errors.Is(err, opsdb.ErrChanged) {
		t.Errorf("another revision: %v", err)
	}
	var facts []opsdb.Facts
	tasks, err := goShort(ctx, s, todo(t, s), func(groups []opsdb.OpenGroup, made []opsdb.Facts) {
		facts = made
		if len(groups) != 1 || groups[0].ID != open.ID || groups[0].Files != 2 || len(groups[0].Members) != 2 || !groups[0].Finished {
			t.Errorf("joined %+v", groups)
		}
	})
	must(t, err)
	if len(tasks) != 1 || len(facts) != 1 || facts[0].Package.Files != 2 {
		t.Fatalf("tasks %v of %+v", tasks, facts)
	}
}

// Engines that go the short way and those that go step by step take every file once (E4).
func TestShortWaysAtOnce(t *testing.T) {
	t.Parallel()
	s := engines(t, 3, Options{})
	packages(t, s[0], 1)
	const files = 30
	var mu sync.Mutex
	made := 0
	atOnce(t, 4, func(n int) error {
		if n == 3 {
			for i := range files {
				fileOne(t, s[0], fmt.Sprint("o", i))
			}
			return nil
		}
		for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
			mu.Lock()
			done := made >= files
			mu.Unlock()
			if done {
				return nil
			}
			now := todo(t, s[n])
			if len(now.Unrouted) == 0 {
				continue
			}
			tasks, err := goShortOver(t.Context(), s[n], now, 100, n == 1, func([]opsdb.OpenGroup, []opsdb.Facts) {})
			if err != nil && !errors.Is(err, opsdb.ErrChanged) {
				return err
			}
			if err == nil {
				mu.Lock()
				made += len(tasks)
				mu.Unlock()
			}
		}
		return errors.New("not in time")
	})
	n, err := s[1].Totals(t.Context())
	must(t, err)
	if n.Packages["packing"] != files+1 || n.Files["a.s"][opsdb.Present].Count != files+1 || n.Grouped.Count != 0 || n.Tasks[opsdb.TaskScheduled] != files || made != files {
		t.Errorf("made %d, totals %+v", made, n)
	}
	w, err := s[2].World(t.Context())
	must(t, err)
	if w.Sites["a"].InUse != files {
		t.Errorf("%d slots are taken", w.Sites["a"].InUse)
	}
}

func same(t *testing.T, want, got any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(opts, cmpopts.EquateEmpty())...); diff != "" {
		t.Errorf("(handed on, read):\n%s", diff)
	}
}

// Who files few files tells the others which, and what they were told leads as far as what was read (E8).
func TestHints(t *testing.T) {
	t.Parallel()
	s, ctx := engines(t, 2, Options{}), t.Context()
	packages(t, s[0], 1)
	changed := s[1].Changed()
	<-changed // it listens
	wait := func(what string) []opsdb.File {
		t.Helper()
		for deadline := time.After(2 * time.Minute); ; {
			if files := s[1].Hints(); len(files) > 0 {
				return files
			}
			select {
			case <-changed:
			case <-deadline:
				t.Fatalf("%s: nothing was told", what)
			}
		}
	}
	_ = s[0].Hints()
	for len(s[0].news) > 0 || s[0].passed()-time.Duration(s[0].lastTold.Load()) < time.Second {
		<-time.After(10 * time.Millisecond) // until it has told nobody anything for a while
	}
	fileOne(t, s[0], "o")
	told := wait("a file")
	same(t, todo(t, s[1]).Unrouted, told, cmpopts.EquateApproxTime(time.Microsecond))
	if again, own := s[1].Hints(), s[0].Hints(); len(again) != 0 || len(own) != 1 {
		t.Errorf("told again: %v; in its own process: %v", again, own)
	}
	other := slices.Clone(told)
	other[0].Observation = "p"
	for what, files := range map[string][]opsdb.File{"another observation": other, "nobody's": {{ID: opsdb.NewID(), Location: "a.s", Path: "o/1"}}} {
		if _, err := goShort(ctx, s[1], opsdb.Todo{Unrouted: files}, func([]opsdb.OpenGroup, []opsdb.Facts) {}); !errors.Is(err, opsdb.ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	tasks, err := goShort(ctx, s[1], opsdb.Todo{Unrouted: told}, func([]opsdb.OpenGroup, []opsdb.Facts) {})
	if must(t, err); len(tasks) != 1 {
		t.Errorf("tasks %v", tasks)
	}
	fileOne(t, s[0], "nowhere")
	nowhere := todo(t, s[1]).Unrouted
	must(t, s[0].Route(ctx, first(routed(nowhere)), nil))
	for what, files := range map[string][]opsdb.File{"a second time": told, "selected by nothing": nowhere} {
		if _, err := goShort(ctx, s[1], opsdb.Todo{Unrouted: files}, func([]opsdb.OpenGroup, []opsdb.Facts) {}); !errors.Is(err, opsdb.ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What is told of is little: of many files, and of paths that are no text, nothing is.
func TestNoHints(t *testing.T) {
	t.Parallel()
	s := engines(t, 1, Options{})[0]
	packages(t, s, 1)
	_ = s.Hints()
	var many []opsdb.File
	for i := range hinted + 1 {
		many = append(many, opsdb.File{Location: "a.s", Path: fmt.Sprint("m/", i), Size: 1, ModTime: time.Unix(1e9, 0), Observation: "m"})
	}
	for _, files := range [][]opsdb.File{many, {{Location: "a.s", Path: "m/\xff", Size: 1, ModTime: time.Unix(1e9, 0), Observation: "m"}}} {
		_, results, err := s.FileFiles(t.Context(), files)
		must(t, append(results, err)...)
		if told := s.Hints(); len(told) > 0 {
			t.Errorf("told of %v", told)
		}
	}
	for _, news := range []string{"x", "x {", "x [1]", `x {"a": 1}`, " "} {
		if !s.heard(news) || len(s.Hints()) > 0 {
			t.Errorf("%q", news)
		}
	}
	if s.heard(s.name) || s.heard(s.name+` [{"ID":"f"}]`) {
		t.Error("it hears itself")
	}
}
