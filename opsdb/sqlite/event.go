package sqlite

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// event notes an event, to be written with the transaction. Empty fields are filled in.
func (t *tx) event(e opsdb.Event) {
	t.events = append(t.events, tables.Noted(e, t.now))
}

const eventInsert = `INSERT INTO event (id, version, at, actor, kind, subject, package, location, why, revision, before, after) VALUES `

func (t *tx) flush() error {
	return t.bulk(eventInsert, "", len(t.events), 12, func(i int, args []any) []any {
		e := &t.events[i]
		return append(args, string(e.ID), e.Version, us(e.At), e.Actor, e.Kind, e.Subject, string(e.Package),
			e.Location, e.Why, e.Revision, e.Before, e.After)
	})
}
