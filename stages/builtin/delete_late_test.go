package builtin_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/stagestest"
)

// TestDeleteBesideALateAttempt: a late attempt takes the tar away after the later one has looked for such things, is told no, and puts back what
// it holds. The later one must not have called the tar gone: it would lie there, and nobody would know.
func TestDeleteBesideALateAttempt(t *testing.T) {
	t.Parallel()
	w := archived(t)
	root := w.Root(stagestest.Landing)
	before := files(t, root)
	later := w.Work("delete", stagestest.Landing, stagestest.Landing, opsdb.Whole)
	late := w.Work("delete", stagestest.Landing, stagestest.Landing, opsdb.Whole)
	late.A.Task.ID = later.A.Task.ID
	late.A.Task.Token, later.A.Task.Token = later.A.Task.Token, later.A.Task.Token+1
	holds, told, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	late.Gate = func(int) error {
		if files(t, root) == before {
			return nil
		}
		close(holds)
		<-told
		return errNo
	}
	var once sync.Once
	later.Gate = func(int) error {
		once.Do(func() {
			go func() {
				_, err := w.Attempt(t.Context(), late, 0)
				ended <- err
			}()
			<-holds
		})
		return nil
	}
	if _, err := w.Attempt(t.Context(), later, 0); err != nil {
		t.Errorf("the later attempt: %v", err)
	}
	close(told)
	if err := <-ended; err == nil {
		t.Error("the late attempt ended well, though it was told no")
	}
	if after := files(t, root); strings.Contains(after, ".tar") {
		t.Errorf("it is deleted, and there is\n%s", after)
	}
}
