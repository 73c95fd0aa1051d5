package disk

import (
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage/storagetest"
)

// What a deletion left in the trash for days is told; what one holds now is not.
func TestExamineTheTrash(t *testing.T) {
	t.Parallel()
	c := clock.NewVirtual(clock.System{}.Now())
	d, err := New("cologne.buffer", t.TempDir(), Options{Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Init(t.Context(), opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: "cologne.buffer"}, false); err != nil {
		t.Fatal(err)
	}
	says := func(want string) {
		t.Helper()
		got, err := d.Examine(t.Context())
		if err != nil || (len(got) > 0) != (want != "") || want != "" && (!got[0].Wrong || got[0].Do == "" || !strings.Contains(got[0].Text, want)) {
			t.Errorf("it says %+v, %v; want %q", got, err, want)
		}
	}
	says("")
	storagetest.MustPut(t, d, "p.tar", []byte("bytes"))
	a := storagetest.NewAttempt()
	if err := d.Trash(t.Context(), "p.tar", a); err != nil {
		t.Fatal(err)
	}
	says("")
	c.Advance(25 * time.Hour)
	says("1 deletions hold something in .trash")
	if err := d.Restore(t.Context(), a, "p.tar"); err != nil {
		t.Fatal(err)
	}
	says("")
}
