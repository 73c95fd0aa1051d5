package sqlite

import (
	"github.com/ccatobs/cdt/opsdb"
)

// event notes an event, to be written with the transaction. Empty fields are filled in.
func (t *tx) event(e opsdb.Event) {
	if e.ID == "" {
		e.ID = opsdb.NewID()
	}
	if e.Actor == "" {
		e.Actor = "engine"
	}
	e.Version = opsdb.FormatVersion
	e.At = t.now
	t.events = append(t.events, e)
}

const eventInsert = `INSERT INTO event (id, version, at, actor, kind, subject, package, location, why, revision, before, after) VALUES `

func (t *tx) flush() error {
	return t.bulk(eventInsert, "", len(t.events), 12, func(i int, args []any) []any {
		e := &t.events[i]
		return append(args, string(e.ID), e.Version, us(e.At), e.Actor, e.Kind, e.Subject, string(e.Package),
			e.Location, e.Why, e.Revision, e.Before, e.After)
	})
}

const eventColumns = `key, id, version, coalesce(seq, 0), at, actor, kind, subject, package, location, why, revision, before, after, hash`

type storedEvent struct {
	key int64
	opsdb.Event
}

func scanEvent(r scanner) (e storedEvent, err error) {
	var at *int64
	err = r.Scan(&e.key, &e.ID, &e.Version, &e.Seq, &at, &e.Actor, &e.Kind, &e.Subject, &e.Package, &e.Location,
		&e.Why, &e.Revision, &e.Before, &e.After, &e.Hash)
	e.At = timeOf(at)
	return e, err
}
