package postgres

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
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

func (t *tx) chain() (int, error) {
	var seq int64
	var hash opsdb.Digest
	if _, err := t.get([]any{&seq, &hash}, `SELECT seq, hash FROM chain_head FOR UPDATE`); err != nil {
		return 0, err
	}
	events, err := query(&t.view, tables.ScanEvent, tables.Unchained(t), 0, chainBatch)
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
		keys[i], seqs[i], hashes[i] = e.Row, seq, string(hash)
	}
	if err := t.exec(`UPDATE event e SET seq = n.seq, hash = n.hash FROM unnest($1::bigint[], $2::bigint[], $3::text[]) n (key, seq, hash) WHERE e.key = n.key`,
		keys, seqs, hashes); err != nil {
		return 0, err
	}
	return len(events), t.exec(`UPDATE chain_head SET seq = $1, hash = $2`, seq, string(hash))
}
