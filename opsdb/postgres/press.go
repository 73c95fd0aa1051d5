package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// pressWalk is how many of the oldest copies one call of Press goes through at most.
const pressWalk = 10_000

// Press implements opsdb.Planning. It looks with a read first, so that a quiet
// system writes nothing; one process presses at a time.
func (s *Store) Press(ctx context.Context, marks []opsdb.Mark) (touched int, err error) {
	var todo []pressed
	err = s.read(ctx, "Press", func(v *view) error {
		todo, err = v.pressed(marks)
		return err
	})
	if err != nil || len(todo) == 0 {
		return 0, err
	}
	err = s.write(ctx, "Press", func(t *tx) error {
		t.queue(`SELECT pg_advisory_xact_lock($1)`, int64(pressing))
		todo, err := t.pressed(marks)
		var dirty []opsdb.ID
		for i := 0; err == nil && i < len(todo); i++ {
			var ids []opsdb.ID
			ids, err = t.press(todo[i])
			dirty = append(dirty, ids...)
		}
		if touched = len(dirty); err != nil || touched == 0 {
			return err
		}
		if err := t.lock(slices.Clone(dirty)...); err != nil {
			return err
		}
		return t.touch(dirty...)
	})
	if err != nil {
		return 0, err
	}
	return touched, nil
}

// pressed is a location whose pressure changes.
type pressed struct {
	opsdb.Location
	mark opsdb.Mark
	left int64 // bytes used and not condemned
}

// begins reports whether pressure begins here.
func (p pressed) begins() bool {
	return p.mark.Location != "" && !p.presses() && p.left > p.mark.Above
}

func (p pressed) presses() bool { return p.Pressure != nil && p.Pressure.Pressing }

// over reports whether what was condemned for want of room may stay after all.
func (p pressed) over() bool {
	return p.Pressure != nil && (p.mark.Location == "" || p.Used <= p.mark.Until)
}

// pressed finds the locations at which there is something to do, by name.
func (v *view) pressed(marks []opsdb.Mark) (out []pressed, err error) {
	w := opsdb.World{Locations: map[string]opsdb.Location{}, Condemned: map[string]int64{}}
	v.askLocations(&w)
	counted := v.askCounters()
	if err := v.flush(); err != nil {
		return nil, err
	}
	for _, n := range *counted {
		n.into(&w)
	}
	at := map[string]opsdb.Mark{}
	for _, m := range marks {
		at[m.Location] = m
	}
	for _, name := range slices.Sorted(maps.Keys(w.Locations)) {
		l := w.Locations[name]
		p := pressed{l, at[name], l.Used - w.Condemned[name]}
		if p.begins() || p.presses() || p.over() {
			out = append(out, p)
		}
	}
	return out, nil
}

// press takes one step with one location. It returns the packages that are to be looked at.
func (t *tx) press(p pressed) ([]opsdb.ID, error) {
	switch {
	case p.over():
		return t.relieve(p)
	case p.presses() && p.left <= p.mark.Until:
		return nil, t.exec(`UPDATE pressure SET pressing = false WHERE location = $1`, p.Name)
	case p.begins():
		t.event(opsdb.Event{Kind: opsdb.EventPressure, Subject: "location:" + p.Name, Location: p.Name, After: "pressed"})
		return t.cover(p, time.Time{}, "")
	}
	waits, err := t.yes(`SELECT EXISTS (SELECT 1 FROM copy c JOIN package_state s ON s.id = c.package WHERE c.location = $1 AND c.state IN ('present', 'staged')
	  AND (c.verified_age, c.package) <= ($2, $3) AND (s.version > s.evaluated OR s.revision < (SELECT revision FROM opsdb)))`, p.Name, us(p.Pressure.Age), string(p.Pressure.Package))
	if err != nil || waits {
		return nil, err
	}
	return t.cover(p, p.Pressure.Age, p.Pressure.Package)
}

// relieve ends the pressure; what was condemned because of it is looked at again.
func (t *tx) relieve(p pressed) ([]opsdb.ID, error) {
	t.event(opsdb.Event{Kind: opsdb.EventPressure, Subject: "location:" + p.Name, Location: p.Name, Before: "pressed"})
	if err := t.exec(`DELETE FROM pressure WHERE location = $1`, p.Name); err != nil {
		return nil, err
	}
	return query(&t.view, tables.ScanID, `SELECT package FROM copy WHERE location = $1 AND state IN ('deletion_possible', 'deletion_scheduled')`, p.Name)
}

// old is one of the oldest copies at a location.
type old struct {
	age  time.Time
	pkg  opsdb.ID
	size int64
}

// cover has the pressure reach the next oldest copies after (age, pkg), as many bytes as are too many.
func (t *tx) cover(p pressed, age time.Time, pkg opsdb.ID) ([]opsdb.ID, error) {
	oldest, err := query(&t.view, func(r scanner) (o old, err error) {
		err = r.Scan(&o.age, &o.pkg, &o.size)
		return o, err
	}, `SELECT verified_age, package, size FROM copy WHERE location = $1 AND state IN ('present', 'staged') AND (verified_age, package) > (coalesce($2::timestamptz, '-infinity'), $3)
	  ORDER BY verified_age, package LIMIT $4`, p.Name, us(age), string(pkg), pressWalk)
	if err != nil || len(oldest) == 0 {
		return nil, err
	}
	var ids []opsdb.ID
	var last old
	for bytes := int64(0); len(ids) < len(oldest) && bytes < p.left-p.mark.Until; bytes += last.size {
		last = oldest[len(ids)]
		ids = append(ids, last.pkg)
	}
	if p.Pressure.Covers(opsdb.Copy{VerifiedAge: last.age.UTC(), Package: last.pkg}) {
		last.age, last.pkg = p.Pressure.Age, p.Pressure.Package // what is condemned stays covered
	}
	return ids, t.exec(`INSERT INTO pressure (location, pressing, age, package) VALUES ($1, true, $2, $3)
	  ON CONFLICT (location) DO UPDATE SET pressing = true, age = excluded.age, package = excluded.package`, p.Name, us(last.age), string(last.pkg))
}

// condemnFor condemns a copy for want of room, if there is still too little.
// Of one that need not go after all nothing is shown. The caller holds the
// place's row, so that several engines together stop at the mark.
func (t *tx) condemnFor(c opsdb.Copy, until, revision int64) error {
	used, err := t.count(`SELECT coalesce(sum(bytes * CASE WHEN kind = 'copy' THEN -1 ELSE 1 END), 0)::bigint FROM tally_now WHERE a = $1 AND
	  (kind = 'used' OR kind = 'file' AND b NOT IN ('deleted', 'lost') OR kind = 'copy' AND b IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress'))`, c.Location)
	if err != nil {
		return err
	}
	if used > until {
		return t.condemn(c, revision, "pressure")
	}
	return t.exec(`DELETE FROM open_move WHERE package = $1 AND type = 'delete' AND to_loc = $2`, string(c.Package), c.Location)
}
