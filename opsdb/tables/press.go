package tables

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// pressWalk is how many of the oldest copies one call of Press goes through at most.
const pressWalk = 10_000

// Press implements opsdb.Planning. It looks with a read first, so that a quiet
// system writes nothing; one process presses at a time.
func (s Store) Press(ctx context.Context, marks []opsdb.Mark) (touched int, err error) {
	var todo []pressed
	err = s.read(ctx, "Press", func(v View) error {
		todo, err = changing(v, marks)
		return err
	})
	if err != nil || len(todo) == 0 {
		return 0, err
	}
	err = s.write(ctx, "Press", func(t Tx) error {
		t.Take(t.Dialect().Pressure.Alone)
		todo, err := changing(t, marks)
		var dirty []opsdb.ID
		for i := 0; err == nil && i < len(todo); i++ {
			var ids []opsdb.ID
			ids, err = press(t, todo[i])
			dirty = append(dirty, ids...)
		}
		if touched = len(dirty); err != nil || touched == 0 {
			return err
		}
		Lock(t, dirty...)
		return Touch(t, dirty...)
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

// changing finds the locations at which there is something to do, by name.
func changing(v View, marks []opsdb.Mark) (out []pressed, err error) {
	locations, condemned, err := v.Locations()
	if err != nil {
		return nil, err
	}
	at := map[string]opsdb.Mark{}
	for _, m := range marks {
		at[m.Location] = m
	}
	for _, name := range slices.Sorted(maps.Keys(locations)) {
		l := locations[name]
		p := pressed{l, at[name], l.Used - condemned[name]}
		if p.begins() || p.presses() || p.over() {
			out = append(out, p)
		}
	}
	return out, nil
}

// press takes one step with one location. It returns the packages that are to be looked at.
func press(t Tx, p pressed) ([]opsdb.ID, error) {
	switch {
	case p.over():
		return relieve(t, p)
	case p.presses() && p.left <= p.mark.Until:
		return nil, t.Exec(t.Dialect().Pressure.Rest, p.Name)
	case p.begins():
		t.Event(opsdb.Event{Kind: opsdb.EventPressure, Subject: "location:" + p.Name, Location: p.Name, After: "pressed"})
		return cover(t, p, time.Unix(0, 0), "") // of all
	}
	waits, err := Yes(t, `SELECT EXISTS (SELECT 1 FROM copy c JOIN `+t.Dialect().State+` s ON s.id = c.package WHERE c.location = $1 AND c.state IN ('present', 'staged')
	  AND (c.verified_age, c.package) <= ($2, $3) AND (s.version > s.evaluated OR s.revision < (SELECT revision FROM opsdb)))`, p.Name, Time(p.Pressure.Age), string(p.Pressure.Package))
	if err != nil || waits {
		return nil, err
	}
	return cover(t, p, p.Pressure.Age, p.Pressure.Package)
}

// relieve ends the pressure; what was condemned because of it is looked at again.
func relieve(t Tx, p pressed) ([]opsdb.ID, error) {
	t.Event(opsdb.Event{Kind: opsdb.EventPressure, Subject: "location:" + p.Name, Location: p.Name, Before: "pressed"})
	if err := t.Exec(t.Dialect().Pressure.End, p.Name); err != nil {
		return nil, err
	}
	return Query(t, ScanID, `SELECT package FROM copy WHERE location = $1 AND state IN ('deletion_possible', 'deletion_scheduled')`, p.Name)
}

// old is one of the oldest copies at a location.
type old struct {
	age  time.Time
	pkg  opsdb.ID
	size int64
}

// cover has the pressure reach the next oldest copies after (age, pkg), as many bytes as are too many.
func cover(t Tx, p pressed, age time.Time, pkg opsdb.ID) ([]opsdb.ID, error) {
	oldest, err := Query(t, func(r Scanner) (o old, err error) {
		err = r.Scan(At(&o.age), &o.pkg, &o.size)
		return o, err
	}, `SELECT verified_age, package, size FROM copy WHERE location = $1 AND state IN ('present', 'staged') AND (verified_age, package) > ($2, $3)
	  ORDER BY verified_age, package LIMIT $4`, p.Name, Time(age), string(pkg), pressWalk)
	if err != nil || len(oldest) == 0 {
		return nil, err
	}
	var ids []opsdb.ID
	var last old
	for bytes := int64(0); len(ids) < len(oldest) && bytes < p.left-p.mark.Until; bytes += last.size {
		last = oldest[len(ids)]
		ids = append(ids, last.pkg)
	}
	if p.Pressure.Covers(opsdb.Copy{VerifiedAge: last.age, Package: last.pkg}) {
		last.age, last.pkg = p.Pressure.Age, p.Pressure.Package // what is condemned stays covered
	}
	return ids, t.Exec(t.Dialect().Pressure.Reach, p.Name, Time(last.age), string(last.pkg))
}

// condemnFor condemns a copy for want of room, if there is still too little.
// Of one that need not go after all nothing is shown. The caller holds the
// place's row, so that several engines together stop at the mark.
func condemnFor(t Tx, c opsdb.Copy, until, revision int64) error {
	used, err := Count(t, t.Dialect().Counted.Left, c.Location)
	if err != nil {
		return err
	}
	if used > until {
		return condemn(t, c, revision, "pressure")
	}
	return t.Exec(`DELETE FROM open_move WHERE package = $1 AND type = 'delete' AND to_loc = $2`, string(c.Package), c.Location)
}
