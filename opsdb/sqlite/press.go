package sqlite

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// pressWalk is how many of the oldest copies one call of Press goes through at most.
const pressWalk = 10_000

// Press implements opsdb.Planning. It looks with a read first, so that a quiet system writes nothing.
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
		todo, err := t.pressed(marks)
		touched = 0
		for i := 0; err == nil && i < len(todo); i++ {
			var n int
			n, err = t.press(todo[i])
			touched += n
		}
		return err
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

// pressed finds the locations at which there is something to do.
func (v *view) pressed(marks []opsdb.Mark) (out []pressed, err error) {
	w := opsdb.World{Locations: map[string]opsdb.Location{}, Condemned: map[string]int64{}}
	if err := v.locations(&w); err != nil {
		return nil, err
	}
	if err := v.condemned(&w); err != nil {
		return nil, err
	}
	at := map[string]opsdb.Mark{}
	for _, m := range marks {
		at[m.Location] = m
	}
	for name, l := range w.Locations {
		p := pressed{l, at[name], l.Used - w.Condemned[name]}
		if p.begins() || p.presses() || p.over() {
			out = append(out, p)
		}
	}
	return out, nil
}

// press takes one step with one location. It returns how many packages it made dirty.
func (t *tx) press(p pressed) (int, error) {
	switch {
	case p.over():
		return t.relieve(p)
	case p.presses() && p.left <= p.mark.Until:
		return 0, t.exec(`UPDATE location SET pressing = 0 WHERE name = ?`, p.Name)
	case p.begins():
		t.event(opsdb.Event{Kind: opsdb.EventPressure, Subject: "location:" + p.Name, Location: p.Name, After: "pressed"})
		return t.cover(p, time.Time{}, "")
	}
	waits, err := t.count(`SELECT EXISTS (SELECT 1 FROM package p JOIN copy c ON c.package = p.id WHERE p.version > p.evaluated AND c.location = ?1
	  AND c.state IN ('present', 'staged') AND (c.verified_age, c.package) <= (?2, ?3))`, p.Name, p.Pressure.Age.UnixMicro(), string(p.Pressure.Package))
	if err != nil || waits > 0 {
		return 0, err
	}
	return t.cover(p, p.Pressure.Age, p.Pressure.Package)
}

// relieve ends the pressure; what was condemned because of it is looked at again.
func (t *tx) relieve(p pressed) (int, error) {
	t.event(opsdb.Event{Kind: opsdb.EventPressure, Subject: "location:" + p.Name, Location: p.Name, Before: "pressed"})
	if err := t.exec(`UPDATE location SET pressing = 0, press_age = NULL, press_package = '' WHERE name = ?`, p.Name); err != nil {
		return 0, err
	}
	n, err := t.execN(`UPDATE package SET version = version + 1 WHERE id IN (SELECT package FROM copy WHERE location = ? AND state IN ('deletion_possible', 'deletion_scheduled'))`, p.Name)
	return int(n), err
}

// old is one of the oldest copies at a location.
type old struct {
	age  int64
	pkg  opsdb.ID
	size int64
}

// cover has the pressure reach the next oldest copies after (age, pkg), as many bytes as are too many.
func (t *tx) cover(p pressed, age time.Time, pkg opsdb.ID) (int, error) {
	after := int64(-1 << 62)
	if !age.IsZero() {
		after = age.UnixMicro()
	}
	oldest, err := query(&t.view, func(r scanner) (o old, err error) {
		err = r.Scan(&o.age, &o.pkg, &o.size)
		return o, err
	}, `SELECT verified_age, package, size FROM copy WHERE location = ?1 AND state IN ('present', 'staged') AND (verified_age, package) > (?2, ?3)
	  ORDER BY verified_age, package LIMIT ?4`, p.Name, after, string(pkg), pressWalk)
	if err != nil || len(oldest) == 0 {
		return 0, err
	}
	ids, bytes := []opsdb.ID{}, int64(0)
	var last old
	for _, o := range oldest {
		if bytes >= p.left-p.mark.Until {
			break
		}
		last, ids, bytes = o, append(ids, o.pkg), bytes+o.size
	}
	if p.Pressure.Covers(opsdb.Copy{VerifiedAge: timeOf(&last.age), Package: last.pkg}) {
		last.age, last.pkg = p.Pressure.Age.UnixMicro(), p.Pressure.Package // what is condemned stays covered
	}
	if err := t.exec(`UPDATE location SET pressing = 1, press_age = ?, press_package = ? WHERE name = ?`, last.age, string(last.pkg), p.Name); err != nil {
		return 0, err
	}
	return len(ids), t.exec(`UPDATE package SET version = version + 1 WHERE id IN (SELECT value FROM json_each(?))`, idList(ids))
}

// condemnFor condemns a copy for want of room, if there is still too little.
// Of one that need not go after all nothing is shown.
func (t *tx) condemnFor(c opsdb.Copy, until, revision int64) error {
	used, err := t.count(`SELECT coalesce((SELECT used FROM room WHERE location = ?1), 0)
	  + (SELECT coalesce(sum(bytes), 0) FROM file_total WHERE location = ?1 AND state NOT IN ('deleted', 'lost'))
	  - (SELECT coalesce(sum(bytes), 0) FROM copy_total WHERE location = ?1 AND state IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress'))`, c.Location)
	if err != nil {
		return err
	}
	if used > until {
		return t.condemn(c, revision, "pressure")
	}
	return t.exec(`DELETE FROM open_move WHERE package = ? AND type = 'delete' AND to_loc = ?`, string(c.Package), c.Location)
}
