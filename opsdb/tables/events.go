package tables

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// eventColumns are what [ScanEvent] reads.
const eventColumns = `key, id, version, coalesce(seq, 0) AS seq, at, actor, kind, subject, package, location, why, revision, before, after, hash`

// StoredEvent is an event with its key, which grows in the order in which events were written.
type StoredEvent struct {
	Row int64
	opsdb.Event
}

// ScanEvent reads eventColumns.
func ScanEvent(r Scanner) (e StoredEvent, err error) {
	err = r.Scan(&e.Row, &e.ID, &e.Version, &e.Seq, At(&e.At), &e.Actor, &e.Kind, &e.Subject, &e.Package, &e.Location,
		&e.Why, &e.Revision, &e.Before, &e.After, &e.Hash)
	return e, err
}

// Noted is an event as it is written at a time: its empty fields are filled in.
func Noted(e opsdb.Event, now time.Time) opsdb.Event {
	if e.ID == "" {
		e.ID = opsdb.NewID()
	}
	if e.Actor == "" {
		e.Actor = "engine"
	}
	e.Version, e.At = opsdb.FormatVersion, now
	return e
}

// Unchained reads the events that are not in the chain: those after key $1, at most $2.
func Unchained(v View) string {
	return `SELECT ` + eventColumns + ` FROM event WHERE ` + v.Dialect().Unchained + ` AND key > $1 ORDER BY key LIMIT $2`
}

// Events implements opsdb.Reading.
func (s Store) Events(ctx context.Context, after int64) iter.Seq2[opsdb.Event, error] {
	return func(yield func(opsdb.Event, error) bool) {
		more := true
		for more {
			var events []StoredEvent
			err := s.read(ctx, "Events", func(v View) (err error) {
				events, err = Query(v, ScanEvent, `SELECT `+eventColumns+` FROM event WHERE seq > $1 ORDER BY event.seq LIMIT $2`, after, page)
				if err != nil || len(events) == page {
					return err
				}
				// The tail is read in the snapshot of the last page: none is left out, none comes twice.
				more = each(events, &after, yield) && tail(v, yield)
				events, more = nil, false
				return nil
			})
			if err != nil {
				yield(opsdb.Event{}, err)
				return
			}
			more = more && each(events, &after, yield)
		}
	}
}

func each(events []StoredEvent, after *int64, yield func(opsdb.Event, error) bool) bool {
	for _, e := range events {
		*after = e.Seq
		if !yield(e.Event, nil) {
			return false
		}
	}
	return true
}

// tail yields the events that are not chained yet.
func tail(v View, yield func(opsdb.Event, error) bool) bool {
	for last := int64(0); ; {
		events, err := Query(v, ScanEvent, Unchained(v), last, page)
		if err != nil {
			return yield(opsdb.Event{}, err)
		}
		for _, e := range events {
			if !yield(e.Event, nil) {
				return false
			}
			last = e.Row
		}
		if len(events) < page {
			return true
		}
	}
}

// VerifyChain implements opsdb.Reading.
func (s Store) VerifyChain(ctx context.Context) (c opsdb.Chained, err error) {
	var last int64
	var head opsdb.Digest
	err = s.read(ctx, "VerifyChain", func(v View) error {
		_, err := Get(v, []any{&last, &head}, v.Dialect().ChainHead)
		return err
	})
	if err != nil {
		return c, err
	}
	for e, err := range s.Events(ctx, 0) {
		if err != nil {
			return c, err
		}
		if err := c.Follow(e); err != nil {
			return c, err
		}
		if c.Events == last && c.Broken == 0 && c.LastHash != head && e.Seq == last {
			c.Broken, c.Text = last, "the head of the chain is another one than the last event's hash"
		}
	}
	if c.Broken == 0 && c.Events < last {
		c.Broken, c.Text = c.Events+1, fmt.Sprintf("events up to %d were chained, %d are there", last, c.Events)
	}
	return c, nil
}
