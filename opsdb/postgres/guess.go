package postgres

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// guess is what a short way takes for granted: what the one before has read, a moment ago. It then reads nothing, and all that it
// writes goes in one round trip, with the conditions on which it is right. If one of them does not hold nothing has happened, and the way is gone again as if nothing were known.
// Nothing may have to wait for anything on such a way: it could miss what it waits for.
type guess struct {
	read    time.Duration // when, on the process's own clock
	world   opsdb.World
	ticked  time.Time        // when its observed clock was set
	numbers map[string]int64 // the last of each route
	sources map[string]bool  // locations of which only one stage has packages
}

const (
	guessFor   = time.Second      // what was read is good for a guess
	guessAhead = 5 * time.Minute  // as what begins otherwise: by more only a jump can have set the observed clock
	guessAgain = 10 * time.Second // after a wrong one: another engine does the same, or there is more to be looked at
)

// guess returns what may be taken for granted for what there is to be done under a revision; nil: nothing.
func (s *Store) guess(revision int64, todo opsdb.Todo) *guess {
	if len(todo.Unrouted) == 0 || len(todo.Unrouted) > hinted || len(todo.Groups)+len(todo.Dirty) > 0 {
		return nil
	}
	s.guesses.Lock()
	defer s.guesses.Unlock()
	g, now := s.guesses.last, s.passed()
	if g == nil || g.world.Revision != revision || now-g.read > guessFor || s.guesses.wrong > 0 && now-s.guesses.wrong < guessAgain {
		return nil
	}
	for i := range todo.Unrouted {
		if !g.sources[todo.Unrouted[i].Location] {
			return nil
		}
	}
	return g
}

// wrong has nothing taken for granted for a while.
func (s *Store) wrong() {
	s.guesses.Lock()
	defer s.guesses.Unlock()
	s.guesses.last, s.guesses.wrong = nil, s.passed()
}

// remembered keeps what a short way that was gone knows, for the next.
func (s *Store) remembered(h *short) {
	s.guesses.Lock()
	defer s.guesses.Unlock()
	w := h.world
	switch {
	case h.guess != nil:
		s.guesses.last = &guess{h.guess.read, h.guess.world, h.guess.ticked, h.numbers, h.guess.sources}
	case len(h.moves)+len(w.Pauses) > 0 || w.TimeSuspect || w.Restored != nil:
		s.guesses.last = nil
	case !h.whole: // nothing that is taken for granted was read
	default:
		g := &guess{h.read, w, timeOf(h.ticked), h.numbers, map[string]bool{}}
		for l := range h.sources() {
			g.sources[l] = !h.shared[l]
		}
		s.guesses.last = g
	}
}

// presume begins a short way that takes what is known for granted.
func (h *short) presume(g *guess) {
	h.guess, h.asked, h.known = g, true, true
	h.world, h.numbers = g.world, maps.Clone(g.numbers)
	if h.fixed.IsZero() {
		h.now = g.world.Now.Add(h.store.passed() - g.read)
	}
	// As late as the observed clock may be by now: what is made is not counted from a tick before it (S7).
	h.world.Now, h.world.Observed = h.now, g.world.Observed.Add(min(max(h.now.Sub(g.ticked), 0), guessAhead))
	h.queue(`SELECT ` + notAwaited + ` FROM opsdb FOR SHARE`)
	for _, l := range slices.Sorted(maps.Keys(h.sources())) { // before any group: see shutGroup
		h.queue(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, closing, l)
	}
	for i := range h.todo.Unrouted {
		f := h.todo.Unrouted[i]
		h.files[f.ID] = &filed{File: f, Row: -int64(i) - 1} // which row it is only the database knows
	}
}

// errGuess is that more is to be known than was taken for granted.
func errGuess(what string) error { return fmt.Errorf("%s: %w", what, opsdb.ErrChanged) }

// routeGuessed is Route of files that are each the first of a group.
func (h *short) routeGuessed(routings []opsdb.Routing) ([]opsdb.OpenGroup, error) {
	h.routings = routings
	for _, x := range routings {
		if _, numbered := h.numbers[x.Route]; !numbered && x.Route != "" {
			return nil, errGuess("no package of route " + x.Route + " was made just now")
		}
	}
	for _, o := range h.observations() {
		h.queue(`SELECT pg_advisory_xact_lock_shared($1, hashtext($2))`, observing, o)
	}
	out, _ := h.gather(&router{groups: map[slot]opsdb.ID{}}, routings, map[[2]string]bool{})
	for _, f := range slices.SortedFunc(maps.Values(h.files), func(a, b *filed) int { return cmp.Compare(a.ID, b.ID) }) {
		if h.homes[f.Row] != 1 {
			return nil, errGuess(fmt.Sprintf("file %s has %d homes", f.ID, h.homes[f.Row]))
		}
		h.changes++
		h.queue(takeFile, string(f.ID), f.Location, blob(f.Path), f.Size, f.ModTime.UnixNano(), f.Identity, string(f.Digest), f.Instrument, f.Observation, f.Module, f.Program, text(f.Tags), us(f.FiledAt))
	}
	return out, nil
}

// takeFile fails with a division by zero unless a file is as it was told of, and nobody's yet.
const takeFile = `WITH f AS (UPDATE file SET routed = true, homes = 1 WHERE id = $1 AND location = $2 AND path = $3 AND size = $4 AND mod_time = $5 AND identity = $6 AND digest = $7
    AND instrument = $8 AND observation = $9 AND module = $10 AND program = $11 AND tags = $12 AND filed_at = $13 AND state = 'present' AND NOT routed AND homes = 0 RETURNING 1)
  SELECT 1 / count(*) FROM f`

// observations are those of which files are routed.
func (h *short) observations() []string {
	of := map[string]bool{}
	for _, x := range h.routings {
		of[x.Group.Observation] = true
	}
	return slices.Sorted(maps.Keys(of))
}

// number notes the last number of a route. Of a guess it must be what it was taken for.
func (h *short) number(route string, before int64) {
	h.changes++
	if h.guess == nil {
		h.queue(`UPDATE route_number SET last = $2 WHERE route = $1`, route, h.numbers[route])
		return
	}
	h.queue(`WITH n AS (UPDATE route_number SET last = $2 WHERE route = $1 AND last = $3 RETURNING 1) SELECT 1 / count(*) FROM n`, route, h.numbers[route], before)
}

// asGuessed has the transaction fail if anything else is not as it was taken for, under the locks that it has.
func (h *short) asGuessed(grants []opsdb.Grant) {
	var routes, stages, locations, keys, places, links, sites, states []string
	for _, x := range h.routings {
		routes, stages, locations, keys = append(routes, x.Route), append(stages, x.Stage), append(locations, h.files[x.File].Location), append(keys, x.Key)
	}
	for _, g := range grants {
		if places = append(places, g.Move.From, g.Move.To); g.Move.Link != "" {
			links = append(links, g.Move.Link)
		}
		for _, name := range []string{g.Move.SendSite, g.Move.ReceiveSite} {
			if site, there := h.world.Sites[name]; there {
				sites, states = append(sites, name), append(states, string(site.State))
			}
		}
	}
	var now any // unless a clock was handed in
	if h.fixed.IsZero() {
		now = us(h.now)
	}
	h.queue(asGuessed, h.revision, h.world.Epoch, h.observations(), routes, stages, locations, keys, places, links, sites, states, us(h.world.Observed), now)
}

// asGuessed divides by zero unless the revision and the epoch are still those, time and database are to be trusted, it is as late as was reckoned (a machine that stood still reckons wrong), nothing
// is paused, no observation is finished, no group is open that files would have joined, all places are open, and the sites are as they were.
const asGuessed = `SELECT 1 / (CASE WHEN (SELECT o.revision = $1 AND o.epoch = $2 AND o.restored_at IS NULL AND NOT c.suspect AND c.observed <= $12
      AND ($13::timestamptz IS NULL OR clock_timestamp() BETWEEN $13 - interval '5 seconds' AND $13 + interval '5 seconds') FROM opsdb o, observed_clock c)
    AND NOT EXISTS (SELECT FROM pause) AND NOT EXISTS (SELECT FROM observation WHERE observation = ANY($3::text[]))
    AND NOT EXISTS (SELECT FROM unnest($4::text[], $5::text[], $6::text[], $7::text[]) x (route, stage, location, name)
      JOIN file_group g ON g.route = x.route AND g.stage = x.stage AND g.location = x.location AND g.group_key = x.name WHERE NOT g.closed)
    AND NOT EXISTS (SELECT FROM unnest($8::text[]) x (name) WHERE NOT EXISTS (SELECT FROM location l WHERE l.name = x.name AND l.active AND l.down_reason IS NULL))
    AND NOT EXISTS (SELECT FROM unnest($9::text[]) x (name) WHERE NOT EXISTS (SELECT FROM link l WHERE l.name = x.name AND l.active AND l.down_reason IS NULL))
    AND NOT EXISTS (SELECT FROM unnest($10::text[], $11::text[]) x (name, state) WHERE NOT EXISTS (SELECT FROM site s WHERE s.name = x.name AND s.active AND s.state = x.state))
  THEN 1 ELSE 0 END)`
