//go:build servers

package postgres

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// guessing is a store that has just gone a short way, with a clock of its own.
type guessing struct {
	*testing.T
	s      *Store
	owner  *Store
	passed *byHand
	room   int64  // that grants name
	ways   []bool // of the last call: whether each took something for granted
	tasks  []opsdb.Task
	facts  []opsdb.Facts
	groups []opsdb.OpenGroup
}

// byHand is a process's own clock that a test moves.
type byHand struct{ atomic.Int64 }

func newByHand() *byHand {
	c := &byHand{}
	c.add(time.Hour)
	return c
}

func (c *byHand) add(d time.Duration)   { c.Add(int64(d)) }
func (c *byHand) passed() time.Duration { return time.Duration(c.Load()) }

func newGuessing(t *testing.T, passed *byHand, owner, s *Store) *guessing {
	g := &guessing{T: t, s: s, owner: owner, passed: passed}
	packages(t, g.owner, 1)
	fileOne(t, g.owner, "before")
	g.must(g.goes(false, nil))
	g.took(false)
	return g
}

// guessingAlone is newGuessing of the only engine.
func guessingAlone(t *testing.T, enqueue func(context.Context, pgx.Tx, []opsdb.Task) error) *guessing {
	t.Helper()
	passed := newByHand()
	s := engines(t, 1, Options{passed: passed.passed, Enqueue: enqueue})[0]
	return newGuessing(t, passed, s, s)
}

func (g *guessing) must(err error) {
	g.Helper()
	must(g.T, err)
}

// took says which ways the last call must have gone.
func (g *guessing) took(ways ...bool) {
	g.Helper()
	if !slices.Equal(g.ways, ways) {
		g.Fatalf("ways that took something for granted: %v, want %v", g.ways, ways)
	}
}

// goes takes what is new the short way, over the site a and the link from a to b; on the way something else happens.
func (g *guessing) goes(saved bool, meanwhile func()) error {
	g.Helper()
	g.ways = nil
	what := opsdb.Todo{Unrouted: todo(g.T, g.s).Unrouted}
	return g.s.Short(g.Context(), 1, what, 100, func(way opsdb.Short) error {
		g.ways = append(g.ways, way.(*short).guess != nil) //nolint:forcetypeassert // it is ours
		g.tasks, g.facts = nil, nil
		var err error
		if g.groups, err = way.Route(g.Context(), first(routed(what.Unrouted)), second(routed(what.Unrouted))); err != nil {
			return err
		}
		for _, x := range g.groups {
			made, err := way.CloseGroup(g.Context(), x, []opsdb.NewPackage{{Package: opsdb.Package{Destination: "a.b"}, Files: x.Members}})
			if err != nil {
				return err
			}
			g.facts = append(g.facts, made...)
		}
		if _, err := way.Hold(g.Context()); err != nil {
			return err
		}
		w, err := way.World(g.Context())
		if err != nil || w.Now.IsZero() || w.Epoch == "" || len(w.Locations) < 3 {
			return errors.Join(err, errors.New("there is no world"))
		}
		evals, grants := concluded(g.facts, 100)
		for i := range grants {
			grants[i].Move.SendSite, grants[i].Move.ReceiveSite, grants[i].Move.Link = "a", "b", "a>b"
			grants[i].Room = g.room
		}
		if !saved {
			evals = nil
		}
		if err := way.Save(g.Context(), evals); err != nil {
			return err
		}
		if meanwhile != nil && way.(*short).guess != nil { //nolint:forcetypeassert // it is ours
			meanwhile()
		}
		out, err := way.Dispatch(g.Context(), grants)
		for _, d := range out {
			g.tasks = append(g.tasks, d.Task)
		}
		return err
	})
}

func (g *guessing) run(sql string) {
	g.Helper()
	if _, err := g.owner.pool.Exec(g.Context(), sql); err != nil {
		g.Fatalf("%s: %v", sql, err)
	}
}

// right looks whether each file is in one package or open group, and each route's number is that of its last package.
func (g *guessing) right() {
	g.Helper()
	for what, sql := range map[string]string{
		"files with other homes": `SELECT count(*) FROM file f WHERE homes <> (SELECT count(*) FROM member m WHERE m.file = f.key) + (SELECT count(*) FROM group_file x WHERE x.file = f.key)`,
		"files in two places":    `SELECT count(*) FROM file WHERE homes > 1`,
		"wrong numbers":          `SELECT count(*) FROM route_number r WHERE last <> (SELECT max(number) FROM package p WHERE p.route = r.route)`,
		"numbers twice":          `SELECT count(*) - count(DISTINCT (route, number)) FROM package`,
		"packages nowhere":       `SELECT count(*) FROM package p WHERE NOT EXISTS (SELECT 1 FROM package_state s WHERE s.id = p.id)`,
	} {
		var n int
		if g.must(g.owner.pool.QueryRow(g.Context(), sql).Scan(&n)); n != 0 {
			g.Errorf("%d %s", n, what)
		}
	}
	for what, sql := range countedAnew {
		var n int
		if g.must(g.owner.pool.QueryRow(g.Context(), sql).Scan(&n)); n != 0 {
			g.Errorf("%d %s are not as they are counted", n, what)
		}
	}
}

// What is guessed right is what would have been read: the same rows, in one round trip.
func TestGuess(t *testing.T) {
	t.Parallel()
	var offered []opsdb.Task
	g := guessingAlone(t, func(_ context.Context, _ pgx.Tx, tasks []opsdb.Task) error {
		offered = append(offered, tasks...)
		return nil
	})
	read := g.facts[0]
	g.s.guesses.last.world.Now = g.s.guesses.last.world.Now.Add(2 * time.Second) // however slow this machine is
	for n := range int64(3) {
		g.passed.add(100 * time.Millisecond)
		g.must(g.s.Tick(t.Context(), 0, true)) // that time passes is no surprise
		fileOne(t, g.owner, "after"+string(rune('a'+n)))
		g.must(g.goes(false, nil))
		g.took(true)
		if len(g.tasks) != 1 || g.facts[0].Package.Number != 3+n || offered[len(offered)-1].ID != g.tasks[0].ID {
			t.Fatalf("task %+v of package %d, offered %+v", g.tasks, g.facts[0].Package.Number, offered)
		}
		// But for names and times it is as the one that was read.
		same(t, read, g.facts[0], cmpopts.IgnoreFields(opsdb.Package{}, "ID", "Number", "Name", "Dir", "Group", "Observation", "MadeAt", "MadeAge"), cmpopts.IgnoreFields(opsdb.Copy{}, "ID", "Package", "VerifiedAge"))
		if made, was := g.facts[0].Package.MadeAge, read.Package.MadeAge; made.Before(was) {
			t.Errorf("made at %v of the observed clock, the one before at %v", made, was)
		}
		there, err := g.s.Facts(t.Context(), []opsdb.ID{g.facts[0].Package.ID})
		g.must(err)
		if f := there[0]; len(f.Copies) != 2 || len(f.Tasks) != 1 || f.Package.Version != g.facts[0].Package.Version+1 || f.Package.Files != 1 || f.Package.Bytes != 7 {
			t.Errorf("there is %+v", f)
		}
		wrote, err := g.s.Task(t.Context(), g.tasks[0].ID)
		g.must(err)
		same(t, g.tasks[0], wrote)
		g.right()
	}
}

// Whatever has changed since is found out before anything is written: the way is gone again, or it was none.
func TestWrongGuess(t *testing.T) {
	t.Parallel()
	server, template := migrated(t)
	for name, c := range map[string]struct {
		sql  string
		none bool // the second way is none, either
	}{
		"a revision":               {`UPDATE opsdb SET revision = 2`, true},
		"an epoch":                 {`UPDATE opsdb SET epoch = 'other'`, false},
		"put back":                 {`UPDATE opsdb SET restored_at = now()`, true},
		"suspect time":             {`UPDATE observed_clock SET suspect = true`, false},
		"time that has jumped":     {`UPDATE observed_clock SET observed = observed + interval '1 minute'`, false},
		"a pause":                  {`INSERT INTO pause VALUES ('route:other', 'a', 'b', now())`, false},
		"a finished observation":   {`INSERT INTO observation VALUES ('', 'after', now())`, false},
		"an open group":            {`INSERT INTO file_group (id, route, stage, location, group_key, instrument, observation, module, program, tags, first, last, first_filed, finished) VALUES ('g', 'r', 'p', 'a.s', 'after', 'i', 'after', 'm', '', '[]', now(), now(), now(), false)`, false},
		"a number":                 {`UPDATE route_number SET last = last + 1`, false},
		"a place that is down":     {`UPDATE location SET down_reason = 'x', down_text = '', down_since = now(), down_until = now() WHERE name = 'a.b'`, false},
		"a place that is no more":  {`UPDATE location SET active = false WHERE name = 'a.b'`, false},
		"a link that is down":      {`UPDATE link SET down_reason = 'x', down_text = '', down_since = now(), down_until = now()`, false},
		"a link that is no more":   {`UPDATE link SET active = false`, false},
		"a site that is drained":   {`UPDATE site SET state = 'other' WHERE name = 'a'`, false},
		"a source that is down":    {`UPDATE location SET down_reason = 'x', down_text = '', down_since = now(), down_until = now() WHERE name = 'a.s'`, false},
		"the other site":           {`UPDATE site SET state = 'other' WHERE name = 'b'`, false},
		"a site that is no more":   {`UPDATE site SET active = false WHERE name = 'a'`, false},
		"a file routed by another": {`UPDATE file SET routed = true WHERE observation = 'after'`, true},
		"a file of another":        {`UPDATE file SET homes = 1 WHERE observation = 'after'`, true},
		"a file that is lost":      {`UPDATE file SET state = 'lost' WHERE observation = 'after'`, true},
		"another size":             {`UPDATE file SET size = 8 WHERE observation = 'after'`, true},
		"another time":             {`UPDATE file SET mod_time = 8 WHERE observation = 'after'`, true},
		"another path":             {`UPDATE file SET path = 'z' WHERE observation = 'after'`, true},
		"another digest":           {`UPDATE file SET digest = 'z' WHERE observation = 'after'`, true},
		"another instrument":       {`UPDATE file SET instrument = 'z' WHERE observation = 'after'`, true},
		"another observation":      {`UPDATE file SET observation = 'z' WHERE observation = 'after'`, true},
		"another module":           {`UPDATE file SET module = 'z' WHERE observation = 'after'`, true},
		"another program":          {`UPDATE file SET program = 'z' WHERE observation = 'after'`, true},
		"other tags":               {`UPDATE file SET tags = '["z"]' WHERE observation = 'after'`, true},
		"another location":         {`UPDATE file SET location = 'a.b' WHERE observation = 'after'`, true},
		"another identity":         {`UPDATE file SET identity = 'z' WHERE observation = 'after'`, false},
		"filed at another time":    {`UPDATE file SET filed_at = filed_at - interval '1 hour' WHERE observation = 'after'`, false},
		"a file that is no more":   {`UPDATE file SET id = 'z' WHERE observation = 'after'`, true},
	} {
		t.Run(name, func(t *testing.T) {
			url := testserver.PostgresDatabase(t, server, template)
			passed := newByHand()
			g := newGuessing(t, passed, openAt(t, url, Options{}), openAt(t, as(url, "engine"), Options{passed: passed.passed}))
			fileOne(t, g.owner, "after")
			err := g.goes(false, func() { g.run(c.sql) })
			g.took(true, false)
			switch {
			case c.none && !errors.Is(err, opsdb.ErrChanged):
				t.Errorf("the second way was gone: %v", err)
			case !c.none && err != nil:
				t.Error(err)
			case !c.none && len(g.tasks) != 1:
				t.Errorf("%d tasks", len(g.tasks))
			}
			if name == "an epoch" && g.tasks[0].Epoch != "other" {
				t.Errorf("the task is of epoch %s", g.tasks[0].Epoch)
			}
			if name == "a finished observation" && !g.groups[0].Finished {
				t.Error("the group does not know that its observation is finished")
			}
		})
	}
}

// Nothing is taken for granted that is older than a second, after a wrong guess, while anything is paused, or of a place that was not looked at.
func TestNoGuess(t *testing.T) {
	t.Parallel()
	g := guessingAlone(t, nil)
	next := func(name string, saved bool, want ...bool) {
		t.Helper()
		fileOne(t, g.owner, name)
		g.must(g.goes(saved, nil))
		g.took(want...)
		g.right()
	}
	g.passed.add(guessFor + 1)
	next("a", false, false)
	g.passed.add(guessFor)
	next("b", false, true)
	g.passed.add(1) // what is read stays so old
	next("c", false, false)
	next("d", true, true, false) // something is to be kept
	g.run(`DELETE FROM open_move`)
	next("e", false, false)
	g.passed.add(guessAgain - 1)
	next("f", false, false)
	next("g", false, false)
	g.passed.add(1)
	next("h", false, true)
	g.run(`INSERT INTO pause VALUES ('route:other', 'a', 'b', now())`)
	next("i", false, true, false)
	g.passed.add(guessAgain)
	next("j", false, false)
	next("k", false, false)
	g.run(`DELETE FROM pause`)
	next("l", false, false)
	next("m", false, true)
	g.s.guesses.last.world.Now = g.s.guesses.last.world.Now.Add(-time.Minute) // the machine stood still
	next("n", false, true, false)
	g.passed.add(guessAgain)
	next("q", false, false)
	g.s.guesses.last.world.Now = g.s.guesses.last.world.Now.Add(time.Minute) // the database's clock was put back
	next("r", false, true, false)
	if got := g.s.guess(1, opsdb.Todo{Unrouted: []opsdb.File{{Location: "b.b"}}}); got != nil {
		t.Error("a place nobody has looked at is taken for granted")
	}
	if got := g.s.guess(1, opsdb.Todo{Unrouted: []opsdb.File{{Location: "a.s"}}, Groups: []opsdb.OpenGroup{{}}}); got != nil {
		t.Error("a group is taken for granted")
	}
	known := opsdb.Todo{Unrouted: []opsdb.File{{Location: "a.s"}}}
	next("o", false, false)
	g.passed.add(guessAgain)
	next("p", false, false)
	if g.s.guess(1, known) == nil {
		t.Error("nothing is taken for granted")
	}
	if g.s.guess(2, known) != nil {
		t.Error("the places of another revision are taken for granted")
	}
}

// Who tells of a file twice, once as it is and once as it is not, gets no package of it with facts that it has not.
func TestToldTwice(t *testing.T) {
	t.Parallel()
	for _, guessed := range []bool{false, true} {
		g := guessingAlone(t, nil)
		if !guessed {
			g.passed.add(guessFor + 1)
		}
		fileOne(t, g.s, "after")
		is := todo(t, g.s).Unrouted[0]
		wrong := is
		wrong.Instrument, wrong.Observation = "another", "another"
		for _, told := range [][]opsdb.File{{wrong, is}, {is, wrong}, {is, is}} {
			tasks, err := goShortOver(t.Context(), g.s, opsdb.Todo{Unrouted: told}, 100, false, func([]opsdb.OpenGroup, []opsdb.Facts) {})
			if !errors.Is(err, opsdb.ErrChanged) || len(tasks) != 0 {
				t.Errorf("guessed %t: %d tasks, %v", guessed, len(tasks), err)
			}
		}
		g.must(g.goes(false, nil))
		g.took(guessed)
		g.right()
	}
}

// Two engines that are told of the same file make one package of it.
func TestTwoGuesses(t *testing.T) {
	t.Parallel()
	all := engines(t, 2, Options{})
	packages(t, all[0], 1)
	for n := range 20 {
		for _, s := range all {
			s.guesses.wrong = 0
		}
		fileOne(t, all[0], "o"+string(rune('a'+n)))
		what := opsdb.Todo{Unrouted: todo(t, all[0]).Unrouted}
		var made [2]int
		atOnce(t, 2, func(i int) error {
			tasks, err := goShortOver(t.Context(), all[i], what, 100, false, func([]opsdb.OpenGroup, []opsdb.Facts) {})
			if errors.Is(err, opsdb.ErrChanged) {
				return nil
			}
			made[i] = len(tasks)
			return err
		})
		if made[0]+made[1] != 1 {
			t.Fatalf("file %d: %v tasks", n, made)
		}
	}
	(&guessing{T: t, s: all[0], owner: all[0]}).right()
}
