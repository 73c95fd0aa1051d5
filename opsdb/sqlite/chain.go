package sqlite

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// chainBatch is how many events one call of Chain links at most.
const chainBatch = 5000

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
	events, err := query(&t.view, tables.ScanEvent, tables.Unchained(t), key, chainBatch)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	for _, e := range events {
		seq++
		e.Seq = seq
		if hash, err = opsdb.EventHash(hash, e.Event); err != nil {
			return 0, err
		}
		if err := t.exec(`UPDATE event SET seq = ?, hash = ? WHERE key = ?`, seq, string(hash), e.Row); err != nil {
			return 0, err
		}
		key = e.Row
	}
	return len(events), t.exec(`UPDATE opsdb SET chain_key = ?, chain_seq = ?, chain_hash = ?`, key, seq, string(hash))
}
