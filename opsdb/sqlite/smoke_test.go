package sqlite

import (
	"path/filepath"
	"testing"
)

func TestOpen(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a b?c%.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.World(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Totals(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
