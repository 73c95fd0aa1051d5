package builtin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
)

// A repair is written beside the bad object, which stays (S3, C2).
func TestArchiveRepairsBesideTheBadObject(t *testing.T) {
	t.Parallel()
	w := archived(t)
	path := w.Path(stagestest.Archive)
	w.Corrupt(stagestest.Archive, path)
	bad, err := w.Read(stagestest.Archive, path)
	must(t, err)
	sidecar, err := w.Read(stagestest.Archive, strings.TrimSuffix(path, ".tar")+".json")
	must(t, err)
	delete(w.Copies, stagestest.Archive)
	for n, want := range []string{".r1", ".r2"} {
		out := w.Do("archive", stagestest.Landing, stagestest.Archive)
		stem := strings.TrimSuffix(path, ".tar") + want
		if out.Target.Path != stem+".tar" || w.Missing(stagestest.Archive, stem+".json") || out.Receipts[0].Path != stem+".tar" {
			t.Fatalf("repair %d: %+v", n, out.Target)
		}
		w.Corrupt(stagestest.Archive, out.Target.Path)
		delete(w.Copies, stagestest.Archive)
	}
	if still, _ := w.Read(stagestest.Archive, path); still != bad {
		t.Error("the bad object was changed")
	}
	if still, _ := w.Read(stagestest.Archive, strings.TrimSuffix(path, ".tar")+".json"); still != sidecar {
		t.Error("its sidecar was changed")
	}
}

// A missing sidecar is written beside a tar that is right; the tar is not written again.
func TestArchiveWritesAMissingSidecar(t *testing.T) {
	t.Parallel()
	w := archived(t)
	side := strings.TrimSuffix(w.Path(stagestest.Archive), ".tar") + ".json"
	before := w.Copies[stagestest.Archive].Identity
	remove(t, w, stagestest.Archive, side)
	out := w.Do("archive", stagestest.Landing, stagestest.Archive)
	if out.Target.Identity != before || w.Missing(stagestest.Archive, side) || !out.Target.Sidecar {
		t.Errorf("outcome %+v", out.Target)
	}
}

// The sidecar leads to every member's bytes.
func TestSidecarLeadsToEveryMember(t *testing.T) {
	t.Parallel()
	w := stagestest.NewWorld(t, ground(t), stagestest.Content())
	w.Do("package", stagestest.Source, stagestest.Buffer)
	w.Do("transfer", stagestest.Buffer, stagestest.Landing)
	w.Do("archive", stagestest.Landing, stagestest.Archive)
	text, err := w.Read(stagestest.Archive, strings.TrimSuffix(w.Path(stagestest.Archive), ".tar")+".json")
	must(t, err)
	tar, err := w.Read(stagestest.Archive, w.Path(stagestest.Archive))
	must(t, err)
	n := 0
	head, err := bag.ReadSidecar(strings.NewReader(text), func(m opsdb.Member) error {
		n++
		if want, got := w.Content[m.Path], tar[m.Offset:m.Offset+m.Size]; got != want {
			t.Errorf("%s: %q, want %q", opsdb.ShowPath(m.Path), got, want)
		}
		return nil
	})
	if err != nil || n != len(w.Content) {
		t.Fatalf("%d members, %v", n, err)
	}
	if head.Package != w.Package.ID || head.Digest != w.Package.Digest || head.Location != stagestest.Archive || len(head.Receipts) != 1 {
		t.Errorf("sidecar %+v", head)
	}
}

// Bytes that are wrong at the source are the source's fault, not the archive's: both where the archive reads back before it
// gives a name, and where it does not, and the bytes are digested on their way.
func TestArchiveFromACorruptSource(t *testing.T) {
	t.Parallel()
	for name, archive := range map[string]func(storage.Storage) storage.Storage{
		"read back before the name": func(s storage.Storage) storage.Storage { return s },
		"digested on the way":       func(s storage.Storage) storage.Storage { return named{s} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := stagestest.NewWorld(t, replaced(ground(t), stagestest.Archive, archive), small())
			w.Do("package", stagestest.Source, stagestest.Buffer)
			w.Do("transfer", stagestest.Buffer, stagestest.Landing)
			w.Corrupt(stagestest.Landing, w.Path(stagestest.Landing))
			out := w.Do("archive", stagestest.Landing, stagestest.Archive)
			if out.Corrupt == nil || out.Corrupt.Copy != w.Copies[stagestest.Landing].ID || out.Target != nil {
				t.Fatalf("outcome %+v", out)
			}
			if !w.Missing(stagestest.Archive, w.Path(stagestest.Archive)) || !w.Missing(stagestest.Landing, w.Path(stagestest.Landing)) {
				t.Error("corrupt bytes have a final name")
			}
		})
	}
}

// named is a storage that gives a name before it reads back: what reaches its end has one.
type named struct{ storage.Storage }

func (n named) Put(ctx context.Context, p storage.Put) (storage.Reading, error) {
	p.Expect = nil
	p.Segmented = false
	return n.Storage.Put(ctx, p)
}

// An archive that writes other bytes than it is given is to blame itself: its source is read, and stays.
func TestArchiveThatWritesOtherBytes(t *testing.T) {
	t.Parallel()
	w := stagestest.NewWorld(t, replaced(ground(t), stagestest.Archive, func(s storage.Storage) storage.Storage { return wrong{s, s.(storage.Prover)} }), small())
	w.Do("package", stagestest.Source, stagestest.Buffer)
	w.Do("transfer", stagestest.Buffer, stagestest.Landing)
	out, err := w.Try("archive", stagestest.Landing, stagestest.Archive)
	wantFailure(t, err, opsdb.BadData, "")
	if out.Corrupt != nil || len(out.Receipts) != 1 || out.Receipts[0].Location != stagestest.Landing || out.Receipts[0].Digest != w.Package.Digest {
		t.Errorf("outcome %+v", out)
	}
	if w.Missing(stagestest.Landing, w.Path(stagestest.Landing)) || !w.Missing(stagestest.Archive, w.Path(stagestest.Archive)) {
		t.Error("the good source is gone, or wrong bytes have a name")
	}
}

// wrong writes another byte at the end of what it is given.
type wrong struct {
	storage.Storage
	storage.Prover
}

func (w wrong) Put(ctx context.Context, p storage.Put) (storage.Reading, error) {
	write := p.Write
	p.Write = func(out io.Writer) error {
		return errors.Join(write(out), func() error { _, err := out.Write([]byte{1}); return err }())
	}
	return w.Storage.Put(ctx, p)
}

func TestArchiveWithADiskAway(t *testing.T) {
	t.Parallel()
	for _, location := range []string{stagestest.Landing, stagestest.Archive} {
		t.Run(location, func(t *testing.T) {
			t.Parallel()
			w := landed(t)
			unmount(t, w, location)
			_, err := w.Try("archive", stagestest.Landing, stagestest.Archive)
			wantFailure(t, err, opsdb.Environment, "location:"+location)
		})
	}
	t.Run("source gone", func(t *testing.T) {
		t.Parallel()
		w := landed(t)
		remove(t, w, stagestest.Landing, w.Path(stagestest.Landing))
		if out := w.Do("archive", stagestest.Landing, stagestest.Archive); out.Corrupt == nil || !out.Corrupt.Lost {
			t.Errorf("outcome %+v", out)
		}
	})
}

// Where the archive's folder is a file, the attempt ends and says so; where the name is a folder's, the next name is taken.
func TestArchiveWhereSomethingElseStands(t *testing.T) {
	t.Parallel()
	w := landed(t)
	top, _, _ := strings.Cut(w.Path(stagestest.Landing), "/")
	put(t, w, stagestest.Archive, top, "a file where a folder belongs")
	_, err := w.Try("archive", stagestest.Landing, stagestest.Archive)
	wantFailure(t, err, opsdb.Permanent, "")
	remove(t, w, stagestest.Archive, top)
	put(t, w, stagestest.Archive, w.Path(stagestest.Landing)+"/inside", "a folder where a file belongs")
	out := w.Do("archive", stagestest.Landing, stagestest.Archive)
	if !strings.HasSuffix(out.Target.Path, ".r1.tar") {
		t.Errorf("it is archived as %s", out.Target.Path)
	}
}

// slowTape is an archive whose library is still at work when it is read or written.
type slowTape struct {
	storage.Storage
	doing string
}

func (s slowTape) notYet() error {
	return fmt.Errorf("ask the library: %w", &storage.NotYetError{After: time.Minute, Doing: s.doing})
}

func (s slowTape) Read(context.Context, string, bool, storage.Progress) (storage.Reading, error) {
	return storage.Reading{}, s.notYet()
}

func (s slowTape) Put(context.Context, storage.Put) (storage.Reading, error) {
	return storage.Reading{}, s.notYet()
}

func (s slowTape) Open(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, s.notYet()
}

// "Not yet" of a tape library is no failure: the task is asked again later, at no cost.
func TestATapeLibraryThatIsAtWork(t *testing.T) {
	t.Parallel()
	g := ground(t)
	tape := slowTape{doing: "written to tape"}
	w := stagestest.NewWorld(t, replaced(g, stagestest.Archive, func(s storage.Storage) storage.Storage { tape.Storage = s; return tape }), small())
	w.Do("package", stagestest.Source, stagestest.Buffer)
	w.Do("transfer", stagestest.Buffer, stagestest.Landing)
	_, err := w.Try("archive", stagestest.Landing, stagestest.Archive)
	var later *stages.LaterError
	if !errors.As(err, &later) || later.After != time.Minute || !strings.Contains(later.Reason, "written to tape") {
		t.Errorf("error %v", err)
	}
}
