package postgres

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// event notes an event, to be written with the transaction. Empty fields are filled in.
func (t *tx) event(e opsdb.Event) {
	t.events = append(t.events, tables.Noted(e, t.now))
	t.changes++
}

// queueEvents puts the events last into the transaction, in one statement.
func (t *tx) queueEvents() {
	n := len(t.events)
	if n == 0 {
		return
	}
	texts := make([][]string, 9)
	for i := range texts {
		texts[i] = make([]string, n)
	}
	revisions := make([]int64, n)
	for i := range t.events {
		e := &t.events[i]
		for k, s := range []string{string(e.ID), e.Actor, e.Kind, e.Subject, string(e.Package), e.Location, e.Why, e.Before, e.After} {
			texts[k][i] = s
		}
		revisions[i] = e.Revision
	}
	args := []any{opsdb.FormatVersion, us(t.now), revisions}
	for _, list := range texts {
		args = append(args, list)
	}
	t.queue(`INSERT INTO event (version, at, revision, id, actor, kind, subject, package, location, why, before, after)
	  SELECT $1::integer, $2::timestamptz, e.* FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[]) e`,
		args...)
}
