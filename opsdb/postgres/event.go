package postgres

import (
	"time"

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

const eventColumns = `key, id, version, coalesce(seq, 0) AS seq, at, actor, kind, subject, package, location, why, revision, before, after, hash`

type storedEvent struct {
	key int64
	opsdb.Event
}

func scanEvent(r scanner) (e storedEvent, err error) {
	var at *time.Time
	err = r.Scan(&e.key, &e.ID, &e.Version, &e.Seq, &at, &e.Actor, &e.Kind, &e.Subject, &e.Package, &e.Location,
		&e.Why, &e.Revision, &e.Before, &e.After, &e.Hash)
	e.At = timeOf(at)
	return e, err
}
