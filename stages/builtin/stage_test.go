package builtin_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
)

// A folder in which somebody works is left alone; the package goes beside it.
func TestStageBesideAFolderInUse(t *testing.T) {
	t.Parallel()
	w := landed(t)
	put(t, w, stagestest.Processing, w.Path(stagestest.Processing)+"/obs1/a", "my own")
	out := w.Do("stage", stagestest.Landing, stagestest.Processing)
	if want := w.Path(stagestest.Processing) + ".r1"; out.Target.Path != want || out.Receipts[0].Path != want {
		t.Errorf("staged at %s, want %s", out.Target.Path, want)
	}
	if text, _ := w.Read(stagestest.Processing, w.Path(stagestest.Processing)+"/obs1/a"); text != "my own" {
		t.Errorf("a user's file became %q", text)
	}
}

// A tar that is wrong leaves nothing under the final name, wherever the byte is.
func TestStageFromACorruptTar(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]int64{"in a header": 20, "in a member": -1, "in the padding": -2, "at the end": -3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := landed(t)
			m := w.Table[1]
			offset := map[int64]int64{20: 20, -1: m.Offset + 1, -2: m.Offset + m.Size + 3, -3: w.Package.Size - 5}[at]
			flip(t, filepath.Join(w.Root(stagestest.Landing), w.Path(stagestest.Landing)), offset)
			out := w.Do("stage", stagestest.Landing, stagestest.Processing)
			if out.Corrupt == nil || out.Corrupt.Copy != w.Copies[stagestest.Landing].ID || out.Target != nil {
				t.Fatalf("outcome %+v", out)
			}
			if litter := w.Litter(); len(litter) > 0 || !w.Missing(stagestest.Processing, w.Path(stagestest.Processing)) {
				t.Errorf("left behind: %v", litter)
			}
		})
	}
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, at)
	must(t, err)
	must(t, f.Close())
}

// Over a link a spoilt part is bad data: the package is sent again.
func TestStageOfASpoiltPart(t *testing.T) {
	t.Parallel()
	w := packed(t)
	_, err := w.Attempt(t.Context(), w.Work("stage", stagestest.Buffer, stagestest.Processing, opsdb.Send), 0)
	must(t, err)
	parts, _ := filepath.Glob(filepath.Join(w.Root(stagestest.Processing), opsdb.PartDir, "*"))
	flip(t, parts[0], w.Table[0].Offset)
	_, err = w.Attempt(t.Context(), w.Work("stage", stagestest.Buffer, stagestest.Processing, opsdb.Receive), 0)
	wantFailure(t, err, opsdb.BadData, "")
	if out := w.Do("stage", stagestest.Buffer, stagestest.Processing); out.Target.State != opsdb.Staged {
		t.Errorf("outcome %+v", out)
	}
}

func TestStageReceiveWithNothingSent(t *testing.T) {
	t.Parallel()
	w := packed(t)
	_, err := w.Attempt(t.Context(), w.Work("stage", stagestest.Buffer, stagestest.Processing, opsdb.Receive), 0)
	wantFailure(t, err, opsdb.BadData, "")
}

// spoiling writes other bytes than it is given: a bad medium.
type spoiling struct{ *disk.Disk }

func (d spoiling) WriteFile(ctx context.Context, a storage.Attempt, path string, modTime time.Time, content io.Reader) error {
	return d.Disk.WriteFile(ctx, a, path, modTime, &spoilt{content})
}

type spoilt struct{ io.Reader }

func (s *spoilt) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if n > 0 {
		b[0] ^= 1
	}
	return n, err
}

func TestStageToABadMedium(t *testing.T) {
	t.Parallel()
	g := replaced(ground(t), stagestest.Processing, func(st storage.Storage) storage.Storage { return spoiling{st.(*disk.Disk)} })
	w := stagestest.NewWorld(t, g, small())
	w.Do("package", stagestest.Source, stagestest.Buffer)
	w.Do("transfer", stagestest.Buffer, stagestest.Landing)
	_, err := w.Try("stage", stagestest.Landing, stagestest.Processing)
	wantFailure(t, err, opsdb.BadData, "")
	if litter := w.Litter(); len(litter) > 0 || !w.Missing(stagestest.Processing, w.Path(stagestest.Processing)) {
		t.Errorf("left behind: %v", litter)
	}
}
