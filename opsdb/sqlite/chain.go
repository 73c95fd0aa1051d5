package sqlite

import (
	"context"
	"fmt"
	"iter"

	"github.com/ccatobs/cdt/opsdb"
)

// chainBatch is how many events one call of Chain links at most.
const chainBatch = 5000

const unchained = `SELECT ` + eventColumns + ` FROM event WHERE key > ? ORDER BY key LIMIT ?`

// Chain implements opsdb.Planning. Keys grow in the order of commits, because there is one writer at a time.
func (s *Store) Chain(ctx context.Context) (n int, err error) {
	waiting := false
	err = s.read(ctx, "Chain", func(v *view) error {
		k, err := v.count(`SELECT EXISTS (SELECT 1 FROM event WHERE key > (SELECT chain_key FROM opsdb))`)
		waiting = k > 0
		return err
	})
	if err != nil || !waiting {
		return 0, err
	}
	err = s.write(ctx, "Chain", func(t *tx) error {
		t.quiet = true
		n, err = t.chain()
		return err
	})
	return n, err
}

func (t *tx) chain() (int, error) {
	var key, seq int64
	var hash opsdb.Digest
	if _, err := t.get([]any{&key, &seq, &hash}, `SELECT chain_key, chain_seq, chain_hash FROM opsdb`); err != nil {
		return 0, err
	}
	events, err := query(&t.view, scanEvent, unchained, key, chainBatch)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	for _, e := range events {
		seq++
		e.Seq = seq
		if hash, err = opsdb.EventHash(hash, e.Event); err != nil {
			return 0, err
		}
		if err := t.exec(`UPDATE event SET seq = ?, hash = ? WHERE key = ?`, seq, string(hash), e.key); err != nil {
			return 0, err
		}
		key = e.key
	}
	return len(events), t.exec(`UPDATE opsdb SET chain_key = ?, chain_seq = ?, chain_hash = ?`, key, seq, string(hash))
}

// Events implements opsdb.Reading.
func (s *Store) Events(ctx context.Context, after int64) iter.Seq2[opsdb.Event, error] {
	return func(yield func(opsdb.Event, error) bool) {
		for e, err := range s.events(ctx, after) {
			if !yield(e.Event, err) || err != nil {
				return
			}
		}
	}
}

func (s *Store) events(ctx context.Context, after int64) iter.Seq2[storedEvent, error] {
	return stream(func(last storedEvent, first bool) (events []storedEvent, err error) {
		err = s.read(ctx, "Events", func(v *view) error {
			key := last.key
			if first {
				if key, err = v.count(`SELECT coalesce(max(key), 0) FROM event WHERE seq IS NOT NULL AND seq <= ?`, after); err != nil {
					return err
				}
			}
			events, err = query(v, scanEvent, unchained, key, page)
			return err
		})
		return events, err
	})
}

// VerifyChain implements opsdb.Reading.
func (s *Store) VerifyChain(ctx context.Context) (c opsdb.Chained, err error) {
	var last int64
	var head opsdb.Digest
	err = s.read(ctx, "VerifyChain", func(v *view) error {
		_, err := v.get([]any{&last, &head}, `SELECT chain_seq, chain_hash FROM opsdb`)
		return err
	})
	if err != nil {
		return c, err
	}
	for e, err := range s.events(ctx, 0) {
		if err != nil {
			return c, err
		}
		if err := c.Follow(e.Event); err != nil {
			return c, err
		}
	}
	if c.Broken == 0 && c.Events < last {
		c.Broken, c.Text = c.Events+1, fmt.Sprintf("events up to %d were chained, %d are there", last, c.Events)
	}
	if c.Broken == 0 && c.Events == last && c.LastHash != head {
		c.Broken, c.Text = last, "the head of the chain is another one than the last event's hash"
	}
	return c, nil
}
