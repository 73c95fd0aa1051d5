package worker

import (
	"slices"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// Whoever wants to know is told how many tasks run, in the order in which that changes.
func TestRunningIsTold(t *testing.T) {
	t.Parallel()
	var told []int
	w := &Worker{cfg: Config{Total: 2, Running: func(n int) { told = append(told, n) }}}
	s := w.newSlots()
	var frees []func()
	for range 2 {
		free, ok := s.take(t.Context(), w, opsdb.NewID())
		if !ok {
			t.Fatal("no slot")
		}
		frees = append(frees, free)
	}
	for _, free := range frees {
		free()
	}
	if want := []int{1, 2, 1, 0}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
