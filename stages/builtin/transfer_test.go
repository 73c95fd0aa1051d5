package builtin_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
)

// A good file that nobody knows of is taken over and not sent again (B2, B6).
func TestTransferAdoptsWhatIsThere(t *testing.T) {
	t.Parallel()
	w := packed(t)
	text, err := w.Read(stagestest.Buffer, w.Path(stagestest.Buffer))
	must(t, err)
	put(t, w, stagestest.Landing, w.Path(stagestest.Landing), text)
	before, err := os.Stat(filepath.Join(w.Root(stagestest.Landing), w.Path(stagestest.Landing)))
	must(t, err)
	out := w.Do("transfer", stagestest.Buffer, stagestest.Landing)
	after, err := os.Stat(filepath.Join(w.Root(stagestest.Landing), w.Path(stagestest.Landing)))
	must(t, err)
	if !os.SameFile(before, after) || len(out.Receipts) != 1 {
		t.Errorf("it was replaced, or has no receipt: %+v", out)
	}
}

// A corrupt file under the final name is set aside; then the package is sent (B2).
func TestTransferSetsACorruptFileAside(t *testing.T) {
	t.Parallel()
	for name, same := range map[string]bool{"of the same size": true, "of another size": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := packed(t)
			text, err := w.Read(stagestest.Buffer, w.Path(stagestest.Buffer))
			must(t, err)
			if !same {
				text = text[:600]
			}
			put(t, w, stagestest.Landing, w.Path(stagestest.Landing), text)
			w.Corrupt(stagestest.Landing, w.Path(stagestest.Landing))
			_, err = w.Try("transfer", stagestest.Buffer, stagestest.Landing)
			if same {
				wantFailure(t, err, opsdb.BadData, "")
				f := stages.FailureOf(err)
				w.Failure = &f
				_, err = w.Try("transfer", stagestest.Buffer, stagestest.Landing)
			}
			must(t, err)
			got, err := w.Read(stagestest.Landing, w.Path(stagestest.Landing))
			if err != nil || int64(len(got)) != w.Package.Size {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if found, _ := filepath.Glob(filepath.Join(w.Root(stagestest.Landing), opsdb.QuarantineDir, "*", w.Path(stagestest.Landing))); len(found) != 1 {
				t.Errorf("set aside: %v", found)
			}
		})
	}
}

// Bytes that arrive wrong get no name, and are sent again; if the source is found corrupt, that is a fact (C1).
func TestTransferOfWrongBytes(t *testing.T) {
	t.Parallel()
	w := packed(t)
	w.Corrupt(stagestest.Buffer, w.Path(stagestest.Buffer))
	_, err := w.Try("transfer", stagestest.Buffer, stagestest.Landing)
	wantFailure(t, err, opsdb.BadData, "")
	if !w.Missing(stagestest.Landing, w.Path(stagestest.Landing)) {
		t.Fatal("wrong bytes have the final name")
	}
	f := stages.FailureOf(err)
	w.Failure = &f
	out := w.Do("transfer", stagestest.Buffer, stagestest.Landing)
	if out.Corrupt == nil || out.Corrupt.Copy != w.Copies[stagestest.Buffer].ID || out.Corrupt.Lost {
		t.Fatalf("outcome %+v", out)
	}
	if w.Missing(stagestest.Buffer, out.Corrupt.MovedTo) || !w.Missing(stagestest.Buffer, w.Path(stagestest.Buffer)) {
		t.Errorf("the corrupt source was not moved: %+v", out.Corrupt)
	}
}

// A part that was spoilt at the destination is sent again from a good source.
func TestTransferSendsASpoiltPartAgain(t *testing.T) {
	t.Parallel()
	w := packed(t)
	work := w.Work("transfer", stagestest.Buffer, stagestest.Landing, opsdb.Send)
	out, err := w.Attempt(t.Context(), work, 0)
	must(t, err)
	if out.Next != opsdb.Receive || out.Target.State != opsdb.Arrived {
		t.Fatalf("outcome %+v", out)
	}
	parts, _ := filepath.Glob(filepath.Join(w.Root(stagestest.Landing), opsdb.PartDir, "*"))
	if len(parts) != 1 {
		t.Fatalf("parts %v", parts)
	}
	w.Corrupt(stagestest.Landing, filepath.Join(opsdb.PartDir, filepath.Base(parts[0])))
	_, err = w.Attempt(t.Context(), w.Work("transfer", stagestest.Buffer, stagestest.Landing, opsdb.Receive), 0)
	wantFailure(t, err, opsdb.BadData, "")
	f := stages.FailureOf(err)
	w.Failure = &f
	if out := w.Do("transfer", stagestest.Buffer, stagestest.Landing); out.Target == nil || out.Target.State != opsdb.Present {
		t.Fatalf("outcome %+v", out)
	}
	if litter := w.Litter(); len(litter) > 0 {
		t.Errorf("left behind: %v", litter)
	}
}

// A source that is gone is lost only if its location is there (B3, S9).
func TestTransferFromASourceThatIsGone(t *testing.T) {
	t.Parallel()
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		w := packed(t)
		remove(t, w, stagestest.Buffer, w.Path(stagestest.Buffer))
		if out := w.Do("transfer", stagestest.Buffer, stagestest.Landing); out.Corrupt == nil || !out.Corrupt.Lost || out.Next != "" {
			t.Errorf("outcome %+v", out)
		}
	})
	for _, location := range []string{stagestest.Buffer, stagestest.Landing} {
		t.Run(location+" away", func(t *testing.T) {
			t.Parallel()
			w := packed(t)
			unmount(t, w, location)
			_, err := w.Try("transfer", stagestest.Buffer, stagestest.Landing)
			wantFailure(t, err, opsdb.Environment, "location:"+location)
		})
	}
}

// What a later attempt does is not disturbed by one that comes back late (E2).
func TestALateAttemptLeavesALaterOneAlone(t *testing.T) {
	t.Parallel()
	w := packed(t)
	late := w.Work("transfer", stagestest.Buffer, stagestest.Landing, opsdb.Receive)
	_, err := w.Attempt(t.Context(), w.Work("transfer", stagestest.Buffer, stagestest.Landing, opsdb.Send), 0)
	must(t, err)
	if _, err := w.Attempt(context.Background(), late, 0); err == nil {
		t.Error("the late attempt took what a later one sent")
	}
	if len(w.Litter()) != 1 {
		t.Errorf("parts: %v", w.Litter())
	}
}

// elsewhere is a disk at another site: it is read, and nothing of it is moved.
type elsewhere struct{ *disk.Disk }

func (e elsewhere) Quarantine(context.Context, string, storage.Attempt) (string, error) {
	return "", stages.Permanent(fmt.Errorf("quarantine at %s: %w", e.Location(), storage.ErrElsewhere))
}

// A link whose driver is the destination finds the source corrupt: that is a fact, though only the other site's
// workers can move it away; it is no reason to give up the package.
func TestACorruptSourceAtAnotherSite(t *testing.T) {
	t.Parallel()
	g := replaced(ground(t), stagestest.Buffer, func(st storage.Storage) storage.Storage { return elsewhere{st.(*disk.Disk)} })
	w := stagestest.NewWorld(t, g, small())
	w.Do("package", stagestest.Source, stagestest.Buffer)
	w.Corrupt(stagestest.Buffer, w.Path(stagestest.Buffer))
	w.Failure = &opsdb.Failure{Class: opsdb.BadData}
	out, err := w.Try("transfer", stagestest.Buffer, stagestest.Landing)
	must(t, err)
	if out.Corrupt == nil || out.Corrupt.Copy != w.Copies[stagestest.Buffer].ID || out.Corrupt.MovedTo != "" || out.Target != nil {
		t.Errorf("outcome %+v", out)
	}
}
