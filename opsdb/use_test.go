package opsdb_test

import (
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// What stands in the way of which use.
func TestDownHinders(t *testing.T) {
	t.Parallel()
	all := []opsdb.Use{opsdb.Reads, opsdb.Removes, opsdb.Writes}
	for reason, hindered := range map[string][3]bool{
		"full":      {false, false, true},
		"read_only": {false, true, true},
		"offline":   {true, true, true},
		"foreign":   {true, true, true},
		"refused":   {true, true, true},
		"breaker":   {true, true, true},
		"no_worker": {true, true, true},
	} {
		down := &opsdb.Down{Reason: reason}
		for i, use := range all {
			if got := down.Hinders(use); got != hindered[i] {
				t.Errorf("%s hinders use %d: %v", reason, use, got)
			}
		}
		if got := down.Partly(); got != (hindered != [3]bool{true, true, true}) {
			t.Errorf("%s is partly down: %v", reason, got)
		}
	}
	var up *opsdb.Down
	if up.Hinders(opsdb.Writes) || up.Partly() {
		t.Error("what is up hinders")
	}
}
