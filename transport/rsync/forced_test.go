//go:build servers

package rsync

import (
	"fmt"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver"
)

// TestThroughAForcedKey: a key that may run nothing but the agent, for one root, sends whole packages and goes on with
// what a cut left (docs/links.md); into another root it sends nothing, and what is wrong is said.
func TestThroughAForcedKey(t *testing.T) {
	t.Parallel()
	dtctl := testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl")
	for name, rate := range map[string]int64{"at full rate": 0, "limited": 100 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newLink(t, dtctl), 300*segment+7)
			w.options.Rate = rate
			w.LetIn(fmt.Sprintf(`restrict,command="%s agent forced --root %s --program rsync"`, dtctl, w.root))
			w.sendAndRead(t)
			w.item.Earlier, w.item.Attempt = []storage.Attempt{w.item.Attempt}, storagetest.Next(w.item.Attempt)
			w.sendAndRead(t)
		})
	}
	t.Run("another root", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, newLink(t, dtctl), 5*segment)
		w.LetIn(fmt.Sprintf(`restrict,command="%s agent forced --root %s --program rsync"`, dtctl, t.TempDir()))
		err := w.send(t.Context(), t, nil)
		if f := stages.FailureOf(err); err == nil || f.Class == opsdb.Transient || f.Text == "" {
			t.Errorf("got %v, classified %+v", err, f)
		}
		if n, err := mustDisk(t, w.root).PartSize(t.Context(), w.item.Attempt); err == nil {
			t.Errorf("%d bytes are there", n)
		}
	})
}

// sendAndRead sends the item and reads back what arrived.
func (w *world) sendAndRead(t *testing.T) {
	t.Helper()
	if err := w.send(t.Context(), t, nil); err != nil {
		t.Fatal(err)
	}
	r, err := mustDisk(t, w.root).ReadPart(t.Context(), w.item.Attempt, nil)
	if err != nil || r.Digest != storagetest.Digest(w.bytes) {
		t.Errorf("arrived are %d bytes, %v", r.Size, err)
	}
}
