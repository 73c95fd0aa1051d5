//go:build servers

package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
)

// A wrong guess is found out as well where the way looks at the database in its middle: it counts room, or writes several tasks.
func TestWrongGuessInTheMiddle(t *testing.T) {
	t.Parallel()
	g := guessingAlone(t, nil)
	g.room = 1 << 40
	both := func(n string) {
		fileOne(t, g.s, "a"+n)
		fileOne(t, g.s, "b"+n)
	}
	both("1")
	g.must(g.goes(false, nil))
	g.took(true)
	for _, sql := range []string{`UPDATE route_number SET last = last + 1`, `UPDATE location SET down_reason = 'x', down_text = '', down_since = now(), down_until = now() WHERE name = 'a.b'`} {
		g.passed.add(guessAgain)
		both("2" + sql[:8])
		g.must(g.goes(false, nil))
		g.took(false)
		both("3" + sql[:8])
		g.must(g.goes(false, func() { g.run(sql) }))
		g.took(true, false)
		if len(g.tasks) != 2 {
			t.Errorf("%d tasks", len(g.tasks))
		}
		g.run(`UPDATE location SET down_reason = NULL, down_text = NULL, down_since = NULL, down_until = NULL`)
	}
	g.right()
}

// Of a way that broke off nobody knows whether it was gone: it is not gone again, and the next one goes on from what is there.
func TestBrokenGuess(t *testing.T) {
	t.Parallel()
	breaks := ""
	g := guessingAlone(t, func(ctx context.Context, tx pgx.Tx, _ []opsdb.Task) error {
		if breaks == "" {
			return nil
		}
		var b pgx.Batch
		b.Queue(breaks)
		breaks = ""
		return tx.SendBatch(ctx, &b).Close()
	})
	fileOne(t, g.s, "after")
	breaks = `SELECT pg_terminate_backend(pg_backend_pid())`
	if err := g.goes(false, nil); err == nil || errors.Is(err, opsdb.ErrChanged) {
		t.Fatalf("it broke off with %v", err)
	}
	g.took(true)
	g.must(g.goes(false, nil))
	g.took(true)
	if len(g.tasks) != 1 {
		t.Errorf("%d tasks", len(g.tasks))
	}
	g.right()
}

// A way whose caller goes away in its middle is not gone, and not gone again.
func TestCancelledGuess(t *testing.T) {
	t.Parallel()
	g := guessingAlone(t, nil)
	fileOne(t, g.s, "after")
	ctx, cancel := context.WithCancel(t.Context())
	ways, what := 0, opsdb.Todo{Unrouted: todo(t, g.s).Unrouted}
	err := g.s.Short(ctx, 1, what, 100, func(way opsdb.Short) error {
		ways++
		_, err := way.Route(ctx, first(routed(what.Unrouted)), second(routed(what.Unrouted)))
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, opsdb.ErrChanged) || ways != 1 {
		t.Errorf("%d ways, %v", ways, err)
	}
	g.must(g.goes(false, nil))
	g.took(true)
	g.right()
}

// What may have to wait, and what nothing is known of, is no way that takes anything for granted.
func TestTooMuchForAGuess(t *testing.T) {
	t.Parallel()
	g := guessingAlone(t, nil)
	shut := func(keep bool, packages []opsdb.NewPackage) func(opsdb.Short, []opsdb.ID, []opsdb.Routing) error {
		return func(way opsdb.Short, ids []opsdb.ID, routings []opsdb.Routing) error {
			groups, err := way.Route(t.Context(), ids, routings)
			switch {
			case err != nil || len(groups) != 1:
				return fmt.Errorf("%d groups: %w", len(groups), err)
			case keep:
				return way.KeepGroup(t.Context(), groups[0], time.Time{}, "")
			}
			_, err = way.CloseGroup(t.Context(), groups[0], packages)
			return err
		}
	}
	route := func(change func([]opsdb.Routing) []opsdb.Routing) func(opsdb.Short, []opsdb.ID, []opsdb.Routing) error {
		return func(way opsdb.Short, ids []opsdb.ID, routings []opsdb.Routing) error {
			_, err := way.Route(t.Context(), ids, change(routings))
			return err
		}
	}
	for name, step := range map[string]func(opsdb.Short, []opsdb.ID, []opsdb.Routing) error{
		"a group that stays open":   shut(true, nil),
		"a group that packs little": shut(false, nil),
		"a file of no stage":        route(func([]opsdb.Routing) []opsdb.Routing { return nil }),
		"a file of two stages": route(func(r []opsdb.Routing) []opsdb.Routing {
			other := r[0]
			other.Stage, other.Group.Stage = "q", "q"
			return append(r, other)
		}),
		"another route": route(func(r []opsdb.Routing) []opsdb.Routing {
			r[0].Route, r[0].Group.Route = "other", "other"
			return r
		}),
	} {
		g.passed.add(guessAgain)
		fileOne(t, g.s, name+"0")
		g.must(g.goes(false, nil))
		g.took(false)
		fileOne(t, g.s, name)
		what, of := opsdb.Todo{Unrouted: todo(t, g.s).Unrouted}, errors.New("no way")
		err := g.s.Short(t.Context(), 1, what, 100, func(way opsdb.Short) error {
			if way.(*short).guess != nil { //nolint:forcetypeassert // it is ours
				ids, routings := routed(what.Unrouted)
				of = step(way, ids, routings)
			}
			return opsdb.ErrChanged
		})
		if !errors.Is(err, opsdb.ErrChanged) || !errors.Is(of, opsdb.ErrChanged) {
			t.Errorf("%s: %v, %v", name, of, err)
		}
	}
	g.right()
}
