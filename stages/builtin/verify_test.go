package builtin_test

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
)

// A flipped byte is found; in an archive the copy stays, elsewhere it is moved away (C1, S3, S4).
func TestVerifyFindsAFlippedByte(t *testing.T) {
	t.Parallel()
	for location, stays := range map[string]bool{stagestest.Archive: true, stagestest.Landing: false} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			w.Corrupt(location, w.Path(location))
			out := w.Do("verify", location, location)
			if out.Corrupt == nil || out.Corrupt.Copy != w.Copies[location].ID || out.Corrupt.Lost || !strings.Contains(out.Corrupt.Reason, "digest") {
				t.Fatalf("outcome %+v", out)
			}
			if stays == w.Missing(location, w.Path(location)) || stays != (out.Corrupt.MovedTo == "") {
				t.Errorf("corrupt %+v", out.Corrupt)
			}
			if len(out.Receipts) != 1 || out.Receipts[0].Digest == w.Package.Digest {
				t.Errorf("a bad reading is a receipt too: %+v", out.Receipts)
			}
		})
	}
}

// A file that is gone is lost; a disk that is gone is offline (S9).
func TestVerifyTellsLostFromOffline(t *testing.T) {
	t.Parallel()
	t.Run("lost", func(t *testing.T) {
		t.Parallel()
		w := archived(t)
		remove(t, w, stagestest.Archive, w.Path(stagestest.Archive))
		if out := w.Do("verify", stagestest.Archive, stagestest.Archive); out.Corrupt == nil || !out.Corrupt.Lost || out.Corrupt.MovedTo != "" {
			t.Errorf("outcome %+v", out)
		}
	})
	t.Run("offline", func(t *testing.T) {
		t.Parallel()
		w := archived(t)
		unmount(t, w, stagestest.Archive)
		out, err := w.Try("verify", stagestest.Archive, stagestest.Archive)
		wantFailure(t, err, opsdb.Environment, "location:"+stagestest.Archive)
		if out.Corrupt != nil || len(out.Receipts) > 0 {
			t.Errorf("facts %+v", out)
		}
	})
}

// moody reads wrong the first times.
type moody struct {
	*disk.Disk
	wrong *int
	err   error
}

func (d moody) Read(ctx context.Context, path string, medium bool, p storage.Progress) (storage.Reading, error) {
	r, err := d.Disk.Read(ctx, path, medium, p)
	if *d.wrong > 0 {
		*d.wrong--
		r.Digest = "0000"
		return r, d.err
	}
	return r, err
}

// One wrong reading blames no data; a medium that gives only errors is as bad as a wrong one.
func TestVerifyReadsTwiceBeforeItBlames(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrong   int
		err     error
		corrupt bool
	}{
		"once wrong":      {1, nil, false},
		"twice wrong":     {2, nil, true},
		"once an error":   {1, syscall.EIO, false},
		"errors for ever": {2, syscall.EIO, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := 0
			g := replaced(ground(t), stagestest.Archive, func(st storage.Storage) storage.Storage { return moody{st.(*disk.Disk), &wrong, c.err} })
			w := stagestest.NewWorld(t, g, small())
			w.Do("package", stagestest.Source, stagestest.Buffer)
			w.Do("transfer", stagestest.Buffer, stagestest.Landing)
			w.Do("archive", stagestest.Landing, stagestest.Archive)
			wrong = c.wrong
			out := w.Do("verify", stagestest.Archive, stagestest.Archive)
			if (out.Corrupt != nil) != c.corrupt {
				t.Errorf("outcome %+v", out)
			}
			if !c.corrupt && (len(out.Receipts) != 1 || out.Receipts[0].Digest != w.Package.Digest) {
				t.Errorf("receipts %+v", out.Receipts)
			}
		})
	}
}
