package postgres

import (
	"errors"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// A task whose package is not there is an error of its claim, and does not end the process.
func TestClaimWithoutAPackage(t *testing.T) {
	t.Parallel()
	c := claims{claimed: map[opsdb.ID]*job{"t": {Task: opsdb.Task{ID: "t", Package: "p"}}}}
	if a, err := c.assignment("t"); a != nil || !errors.Is(err, opsdb.ErrInvariant) {
		t.Errorf("assigned: %v, %v", a, err)
	}
}
