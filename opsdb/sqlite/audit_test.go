package sqlite

import (
	"errors"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// Whoever changes, drops, moves or adds a chained event is found out.
func TestTamperedChain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		broken    int64
	}{
		"changed":    {`UPDATE event SET why = 'nothing happened' WHERE seq = 3`, 3},
		"hash":       {`UPDATE event SET hash = 'ff' WHERE seq = 3`, 3},
		"dropped":    {`DELETE FROM event WHERE seq = 3`, 3},
		"cut off":    {`DELETE FROM event WHERE seq = 5`, 5},
		"renumbered": {`UPDATE event SET seq = NULL WHERE seq = 2`, 2},
		"other head": {`UPDATE opsdb SET chain_hash = 'ff'`, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, clock.System{})
			for _, path := range []string{"a", "b", "c", "d", "e"} {
				_, _, err := s.FileFiles(t.Context(), []opsdb.File{{Location: "x.y", Path: path}})
				must(t, err)
			}
			n, err := s.Chain(t.Context())
			must(t, err)
			if chain, err := s.VerifyChain(t.Context()); err != nil || n != 5 || chain.Broken != 0 || chain.Events != 5 {
				t.Fatalf("chained %d: %+v, %v", n, chain, err)
			}
			execute(t, s.path, c.statement)
			chain, err := s.VerifyChain(t.Context())
			must(t, err)
			if chain.Broken != c.broken || chain.Text == "" {
				t.Fatalf("chain %+v, want broken at %d", chain, c.broken)
			}
		})
	}
}

// Bytes that are in no state are found out (S12).
func TestTotalsOutOfBalance(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"a count":    `UPDATE file_total SET count = 0`,
		"bytes":      `UPDATE file_total SET bytes = bytes - 1`,
		"registered": `UPDATE registered SET bytes = bytes + 1`,
		"a file":     `DELETE FROM file_total`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, clock.System{})
			_, _, err := s.FileFiles(t.Context(), []opsdb.File{{Location: "x.y", Path: "a", Size: 7}})
			must(t, err)
			_, err = s.Totals(t.Context())
			must(t, err)
			execute(t, s.path, statement)
			if _, err := s.Totals(t.Context()); !errors.Is(err, opsdb.ErrInvariant) {
				t.Fatalf("not found out: %v", err)
			}
		})
	}
}
