package bbcp_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// TestMischief is what no real bbcp does on demand: the stand-in lies.
func TestMischief(t *testing.T) {
	const size = 3 * mb
	for _, c := range []struct {
		name, mischief        string
		class                 opsdb.FailureClass // "": Send believes it
		subject, reason, text string
		right                 bool // the part is right
	}{
		{name: "exit 0 with wrong bytes", mischief: "wrong=100"},
		{name: "exit 0 with half of the bytes", mischief: "short=1500000", class: opsdb.Transient, text: "exit code 0 and not all bytes"},
		{name: "exit 0 with too many bytes", mischief: "long=5", class: opsdb.Transient, text: "exit code 0 and not all bytes"},
		{name: "exit 0 and no file", mischief: "nothing", class: opsdb.Transient, text: "exit code 0 and not all bytes"},
		{name: "exit 1 with right bytes", mischief: "exit=1", right: true},
		{name: "exit 1 with wrong bytes", mischief: "exit=1,wrong=2000000", class: opsdb.Transient, text: "exit code 1"},
		{name: "hangs before the first byte", mischief: "hang=0,silent", class: opsdb.Transient, text: "no bytes moved"},
		{name: "hangs after half, and reports go on", mischief: "hang=1500000", class: opsdb.Transient, text: "no bytes moved"},
		{name: "hangs, and blames the other end when it is ended", mischief: "hang=1500000,blame", class: opsdb.Transient, text: "no bytes moved"},
		{name: "babbles and moves nothing", mischief: "babble", class: opsdb.Transient, text: "no bytes moved"},
		{name: "sink dies without a word", mischief: "dies=1500000", class: opsdb.Transient, text: "by bbcp: "},
		{name: "initiator dies, orphans go on", mischief: "orphan=100000", class: opsdb.Transient, text: "not all bytes"},
		{name: "no room, it says", mischief: "nospace", class: opsdb.Environment, subject: "location:cologne.buffer", reason: "full", text: "Insufficient space"},
		{name: "full on the way", mischief: "full=1500000", class: opsdb.Environment, subject: "location:cologne.buffer", reason: "full", text: "No space left on device"},
		{name: "the data connection is refused", mischief: "unreachable", class: opsdb.Environment, subject: "link:ccat>cologne", reason: "unreachable", text: "let the ports of bbcp through the firewalls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, standIn(t), c.mischief)
			w.opts.Stall = 6 * time.Second
			if strings.HasPrefix(c.mischief, "orphan") {
				w.opts.Rate = 2 * mb
			}
			it := w.item("p.tar", size)
			b, err := os.ReadFile(filepath.Join(w.from, "p.tar"))
			must(t, err)
			switch err := w.send(it)[0]; {
			case c.class != "":
				w.wants(err, c.class, c.subject, c.reason, c.text)
			case err != nil:
				t.Fatal(err)
			case c.right:
				w.arrived(it)
			default:
				w.refused(it, digest(b))
			}
			// Whatever it was: the next attempt of an honest bbcp gets there.
			w.opts.Environment, w.opts.Rate, w.opts.Stall = w.b.options().Environment, 0, 0
			next := again(it)
			must(t, w.send(next)[0])
			w.arrived(next)
		})
	}
}

// TestMischiefInBatch: what happens to one does not happen to the others.
func TestMischiefInBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, standIn(t), "full=1000000")
	small, large, other := w.item("a.tar", 1000), w.item("b.tar", 2*mb), w.item("c.tar", 2000)
	errs := w.send(small, large, other)
	must(t, errs[0])
	w.arrived(small)
	w.wants(errs[1], opsdb.Environment, "location:cologne.buffer", "full", "No space left")
	w.wants(errs[2], opsdb.Environment, "location:cologne.buffer", "full", "No space left")

	w = newWorld(t, standIn(t), "short=1000000")
	small, large, other = w.item("a.tar", 1000), w.item("b.tar", 2*mb), w.item("c.tar", 2000)
	errs = w.send(small, large, other)
	must(t, errors.Join(errs[0], errs[2]))
	w.wants(errs[1], opsdb.Transient, "", "", "not all bytes")
	w.arrived(small)
	w.arrived(other)
}

// faraway is a disk that says it is at the other end, and cannot be asked.
type faraway struct{ storage.Storage }

func TestWrongEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, standIn(t))
	it := w.item("p.tar", 10)
	for text, change := range map[string]func(it *transport.Item){
		"takes no part files":      func(it *transport.Item) { it.Target = faraway{w.target} },
		"no files bbcp could read": func(it *transport.Item) { it.Source = faraway{w.source} },
	} {
		bad := it
		change(&bad)
		w.wants(w.send(bad)[0], opsdb.BadConfig, "", "", text)
	}
}
