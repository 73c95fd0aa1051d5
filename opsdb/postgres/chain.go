package postgres

import (
	"context"
	"fmt"
	"iter"

	"github.com/ccatobs/cdt/opsdb"
)

// chainBatch is how many events one call of Chain links at most.
const chainBatch = 5000

// Chain implements opsdb.Planning. One process chains at a time; for another
// one there is nothing to do then. It also folds the counters.
func (s *Store) Chain(ctx context.Context) (n int, err error) {
	waiting := false
	err = s.read(ctx, "Chain", func(v *view) error {
		waiting, err = v.yes(`SELECT EXISTS (SELECT 1 FROM event WHERE seq IS NULL) OR EXISTS (SELECT 1 FROM tally_delta)`)
		return err
	})
	if err != nil || !waiting {
		return 0, err
	}
	err = s.write(ctx, "Chain", func(t *tx) error {
		t.quiet = true
		if mine, err := t.yes(`SELECT pg_try_advisory_xact_lock($1)`, int64(chaining)); err != nil || !mine {
			return err
		}
		if n, err = t.chain(); err != nil {
			return err
		}
		return t.fold()
	})
	return n, err
}

// fold adds up what transactions counted.
func (t *tx) fold() error {
	return t.exec(`WITH d AS (DELETE FROM tally_delta RETURNING *)
	  INSERT INTO tally (kind, a, b, count, bytes) SELECT kind, a, b, sum(count), sum(bytes) FROM d GROUP BY kind, a, b
	  ON CONFLICT (kind, a, b) DO UPDATE SET count = tally.count + excluded.count, bytes = tally.bytes + excluded.bytes`)
}

const unchained = `SELECT ` + eventColumns + ` FROM event WHERE seq IS NULL AND key > $1 ORDER BY key LIMIT $2`

func (t *tx) chain() (int, error) {
	var seq int64
	var hash opsdb.Digest
	if _, err := t.get([]any{&seq, &hash}, `SELECT seq, hash FROM chain_head FOR UPDATE`); err != nil {
		return 0, err
	}
	events, err := query(&t.view, scanEvent, unchained, 0, chainBatch)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	keys, seqs, hashes := make([]int64, len(events)), make([]int64, len(events)), make([]string, len(events))
	for i, e := range events {
		seq++
		e.Seq = seq
		if hash, err = opsdb.EventHash(hash, e.Event); err != nil {
			return 0, err
		}
		keys[i], seqs[i], hashes[i] = e.key, seq, string(hash)
	}
	if err := t.exec(`UPDATE event e SET seq = n.seq, hash = n.hash FROM unnest($1::bigint[], $2::bigint[], $3::text[]) n (key, seq, hash) WHERE e.key = n.key`,
		keys, seqs, hashes); err != nil {
		return 0, err
	}
	return len(events), t.exec(`UPDATE chain_head SET seq = $1, hash = $2`, seq, string(hash))
}

// Events implements opsdb.Reading.
func (s *Store) Events(ctx context.Context, after int64) iter.Seq2[opsdb.Event, error] {
	return func(yield func(opsdb.Event, error) bool) {
		more := true
		for more {
			var events []storedEvent
			err := s.read(ctx, "Events", func(v *view) (err error) {
				events, err = query(v, scanEvent, `SELECT `+eventColumns+` FROM event WHERE seq > $1 ORDER BY event.seq LIMIT $2`, after, page)
				if err != nil || len(events) == page {
					return err
				}
				// The tail is read in the snapshot of the last page: none is left out, none comes twice.
				more = each(events, &after, yield) && v.tail(yield)
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

func each(events []storedEvent, after *int64, yield func(opsdb.Event, error) bool) bool {
	for _, e := range events {
		*after = e.Seq
		if !yield(e.Event, nil) {
			return false
		}
	}
	return true
}

// tail yields the events that are not chained yet.
func (v *view) tail(yield func(opsdb.Event, error) bool) bool {
	for last := int64(0); ; {
		events, err := query(v, scanEvent, unchained, last, page)
		if err != nil {
			return yield(opsdb.Event{}, err)
		}
		for _, e := range events {
			if !yield(e.Event, nil) {
				return false
			}
			last = e.key
		}
		if len(events) < page {
			return true
		}
	}
}

// VerifyChain implements opsdb.Reading.
func (s *Store) VerifyChain(ctx context.Context) (c opsdb.Chained, err error) {
	var last int64
	var head opsdb.Digest
	err = s.read(ctx, "VerifyChain", func(v *view) error {
		_, err := v.get([]any{&last, &head}, `SELECT seq, hash FROM chain_head`)
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
