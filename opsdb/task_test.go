package opsdb_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// What several errors say stands in one line, and what they say alike stands there once.
func TestSaid(t *testing.T) {
	t.Parallel()
	full := errors.New("write p.1: no space left on device")
	for _, c := range []struct {
		err  error
		want string
	}{
		{full, "write p.1: no space left on device"},
		{fmt.Errorf("put a.tar: no space left: %w", errors.Join(full, full)), "put a.tar: no space left: write p.1: no space left on device"},
		{errors.Join(full, errors.New("close p.1: i/o error")), "write p.1: no space left on device; close p.1: i/o error"},
		{errors.New("rsync:\n  code 11\n\n"), "rsync:; code 11"},
	} {
		if got := opsdb.Said(c.err); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
