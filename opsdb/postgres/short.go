package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

var _ opsdb.ShortWay = (*Store)(nil)

// Short implements opsdb.ShortWay. A filed file that becomes a task takes two round trips: what
// is to be known and locked, and all that is written, with the commit. One is enough where the first may be guessed.
func (s *Store) Short(ctx context.Context, revision int64, todo opsdb.Todo, limit int, way func(opsdb.Short) error) error {
	if toldTwice(todo.Unrouted) {
		return fmt.Errorf("Short: a file is told of twice: %w", opsdb.ErrChanged)
	}
	if g := s.guess(revision, todo); g != nil {
		err := s.goShort(ctx, newShortBy(g, revision, todo, limit), way)
		if !errors.Is(err, opsdb.ErrChanged) {
			return err
		}
		s.wrong()
	}
	return s.goShort(ctx, newShortBy(nil, revision, todo, limit), way)
}

func newShortBy(g *guess, revision int64, todo opsdb.Todo, limit int) func(*tx) *short {
	return func(t *tx) *short {
		h := newShort(t, revision, todo, limit)
		if g != nil {
			h.presume(g)
		}
		return h
	}
}

func (s *Store) goShort(ctx context.Context, begin func(*tx) *short, way func(opsdb.Short) error) error {
	var h *short
	err := s.attempt(ctx, timeless, "Short", func(t *tx) error {
		t.quiet = true
		h = begin(t)
		if err := way(h); err != nil {
			return err
		}
		return h.end()
	})
	if err == nil {
		s.remembered(h)
		return nil
	}
	var said *pgconn.PgError
	if lost(err) || errors.As(err, &said) && said.Code == overdrawn {
		err = errors.Join(opsdb.ErrChanged, err)
	}
	return fmt.Errorf("Short: %w", explain(err))
}

// short is one short way.
type short struct {
	*tx
	revision int64
	limit    int
	todo     opsdb.Todo
	asked    bool // the world and the queue
	known    bool // they are there
	finish   func() error
	guess    *guess          // nil: nothing is taken for granted
	routings []opsdb.Routing // of a guess
	given    []opsdb.Grant   // of a guess
	whole    bool            // the world was read on this way, with what is new
	read     time.Duration   // when
	ticked   *time.Time      // when the observed clock was set
	head     opsdb.World     // under the lock of the active revision
	world    opsdb.World
	moves    []opsdb.OpenMove
	files    map[opsdb.ID]*filed
	homes    map[int64]int // groups that each file has joined
	groups   map[opsdb.ID]*newGroup
	numbers  map[string]int64         // the last of each route, held
	shared   map[string]bool          // locations of which other stages have packages
	facts    map[opsdb.ID]opsdb.Facts // of packages that may be saved
	fresh    map[opsdb.ID]*newPack    // of these, what is not written yet
	held     map[opsdb.ID]int64       // versions of dirty packages, taken
	copies   []opsdb.Copy             // not written yet
}

func newShort(t *tx, revision int64, todo opsdb.Todo, limit int) *short {
	h := &short{tx: t, revision: revision, limit: limit, todo: todo, files: map[opsdb.ID]*filed{}, homes: map[int64]int{}, groups: map[opsdb.ID]*newGroup{},
		numbers: map[string]int64{}, shared: map[string]bool{}, facts: map[opsdb.ID]opsdb.Facts{}, fresh: map[opsdb.ID]*newPack{}, held: map[opsdb.ID]int64{}}
	for _, f := range todo.Dirty {
		h.facts[f.Package.ID] = f
	}
	return h
}

// ask asks for the world and the queue, and holds the active revision, before anything else is done.
func (h *short) ask() {
	if h.asked {
		return
	}
	h.asked = true
	h.each(func(r scanner) error { return scanHead(r, &h.head, h.clock(), &h.ticked, nil) }, `SELECT `+headColumns+`, clock_timestamp(), c.ticked, `+notAwaited+` FROM opsdb o, observed_clock c FOR SHARE OF o`)
	for _, l := range slices.Sorted(maps.Keys(h.sources())) { // before any group: see shutGroup
		h.queue(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, closing, l)
	}
	h.finish = func() error { return nil }
	if h.world = h.todo.World; len(h.todo.Dirty) == 0 || len(h.todo.Unrouted)+len(h.todo.Groups) > 0 {
		h.finish = h.askWorld(&h.world)
		h.whole, h.read = len(h.todo.Unrouted) > 0, h.store.passed()
	}
	ask(&h.view, &h.moves, tables.ScanMove, inLanes, limitOf(h.limit))
}

// askHeld takes the dirty packages, after groups and files, as everybody does. One that somebody holds is about to change, and is left as if it had.
func (h *short) askHeld() {
	if len(h.todo.Dirty) == 0 {
		return
	}
	ids := make([]opsdb.ID, len(h.todo.Dirty))
	for i := range ids {
		ids[i] = h.todo.Dirty[i].Package.ID
	}
	h.each(func(r scanner) error {
		var id opsdb.ID
		var version int64
		err := r.Scan(&id, &version)
		h.held[id] = version
		return err
	}, `SELECT id, version FROM package_state WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`, idList(ids))
}

// Hold implements opsdb.Short.
func (h *short) Hold(context.Context) (left []opsdb.ID, err error) {
	if err := h.come(); err != nil {
		return nil, err
	}
	for _, f := range h.todo.Dirty {
		if version, held := h.held[f.Package.ID]; !held || version != f.Package.Version {
			left = append(left, f.Package.ID)
			delete(h.facts, f.Package.ID)
		}
	}
	return left, nil
}

// sources are the locations of which groups may be closed.
func (h *short) sources() map[string]bool {
	out := map[string]bool{}
	for i := range h.todo.Unrouted {
		out[h.todo.Unrouted[i].Location] = true
	}
	for i := range h.todo.Groups {
		out[h.todo.Groups[i].Location] = true
	}
	return out
}

// come sends what is asked for, the first time, and looks whether this is a short way still.
func (h *short) come() error {
	if h.known {
		return nil
	}
	h.ask()
	h.askHeld()
	if err := h.flush(); err != nil {
		return err
	}
	return h.look()
}

// look looks, after the first flush, whether this is a short way still.
func (h *short) look() error {
	if h.known {
		return nil
	}
	h.known = true
	w := &h.world
	w.Epoch, w.Observed, w.TimeSuspect, w.Revision, w.Restored, w.Now = h.head.Epoch, h.head.Observed, h.head.TimeSuspect, h.head.Revision, h.head.Restored, h.now
	if err := h.finish(); err != nil {
		return err
	}
	switch {
	case h.world.Revision != h.revision:
		return fmt.Errorf("revision %d is active, not %d: %w", h.world.Revision, h.revision, opsdb.ErrChanged)
	case h.world.Restored != nil:
		return fmt.Errorf("%w: %w", opsdb.ErrRestored, opsdb.ErrChanged)
	}
	return nil
}

// World implements opsdb.Short.
func (h *short) World(context.Context) (opsdb.World, error) {
	err := h.come()
	return h.world, err
}

// Queue implements opsdb.Short.
func (h *short) Queue(_ context.Context, mine []opsdb.OpenMove) ([]opsdb.OpenMove, opsdb.World, error) {
	err := h.come()
	all := slices.Clone(mine)
	for _, m := range h.moves {
		if _, mine := h.facts[m.Package]; !mine {
			all = append(all, m)
		}
	}
	return opsdb.InOrder(all), h.world, err
}

// Save implements opsdb.Short.
func (h *short) Save(_ context.Context, evals []opsdb.Evaluation) error {
	if h.guess != nil && len(evals) > 0 {
		return errGuess("some of it is to be kept, or waits")
	}
	var old, fresh []opsdb.Evaluation
	for _, e := range evals {
		if h.fresh[e.Package] != nil {
			fresh = append(fresh, e)
		} else {
			old = append(old, e)
		}
	}
	if len(old) > 0 {
		left, err := h.tx.save(h.revision, old)
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d packages are not as they were held: %w", len(left), opsdb.ErrChanged)
		}
		if err != nil {
			return err
		}
	}
	return h.saveFresh(fresh)
}

// end writes what was left for the last.
func (h *short) end() error {
	for _, n := range h.fresh {
		if n.state == nil {
			return fmt.Errorf("package %s was not evaluated: %w", n.facts.Package.Name, opsdb.ErrChanged)
		}
	}
	err := errors.Join(h.writeCopies(), h.writeStates())
	if h.guess != nil {
		h.asGuessed(h.given)
	}
	return err
}

// KeepGroup implements opsdb.Short.
func (h *short) KeepGroup(_ context.Context, g opsdb.OpenGroup, wake time.Time, reason string) error {
	if h.guess != nil {
		return errGuess("a group stays open")
	}
	if err := errors.Join(h.come(), h.writeGroup(g.ID)); err != nil {
		return err
	}
	n, err := h.execN(keepGroup, g.Version, us(wake), reason, string(g.ID))
	if err == nil && n == 0 {
		err = fmt.Errorf("group %s at version %d: %w", g.ID, g.Version, opsdb.ErrChanged)
	}
	return err
}

const keepGroup = `UPDATE file_group SET evaluated = $1, wake_at = $2, reason = $3 WHERE id = $4 AND NOT closed AND version = $1`
