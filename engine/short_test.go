package engine

import (
	"reflect"
	"slices"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

// What a short way may leave unwritten of a package that gets a task is its moves and what is known of them; whatever else an
// evaluation comes to say is to be sorted here.
func TestOnlyMoves(t *testing.T) {
	t.Parallel()
	unwritten := []string{"Package", "Version", "Moves", "Wanted", "Policies", "WakeAt", "Causes"}
	for i := range reflect.TypeFor[opsdb.Evaluation]().NumField() {
		var e opsdb.Evaluation
		name, f := reflect.TypeFor[opsdb.Evaluation]().Field(i).Name, reflect.ValueOf(&e).Elem().Field(i)
		if f.Kind() == reflect.Slice {
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		}
		if got, want := onlyMoves(e, opsdb.Facts{}), slices.Contains(unwritten, name); got != want {
			t.Errorf("an evaluation with %s: only moves %v, should be %v", name, got, want)
		}
	}
	for state, want := range map[opsdb.CopyState]bool{opsdb.Present: true, opsdb.Expected: true, opsdb.Deleted: true, opsdb.DeletionPossible: false,
		opsdb.DeletionScheduled: false, opsdb.DeletionInProgress: false, opsdb.DeletionFailed: false} {
		if got := onlyMoves(opsdb.Evaluation{}, opsdb.Facts{Copies: []opsdb.Copy{{State: opsdb.Present}, {State: state}}}); got != want {
			t.Errorf("with a copy that is %s: only moves %v", state, got)
		}
	}
}
