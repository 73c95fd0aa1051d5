package notify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func copyEvent(kind, pkg, location string) opsdb.Event {
	return opsdb.Event{Kind: kind, Subject: "copy:" + pkg + location, Package: opsdb.ID(pkg), Location: location, Why: "two bytes differ"}
}

func TestWhatEventsSay(t *testing.T) {
	t.Parallel()
	b := newBase()
	b.happens(opsdb.Event{Kind: opsdb.EventFiled})
	w := telling(t, b)
	expect(t, "a filing", w.hears(t))

	b.happens(copyEvent(opsdb.EventQuarantined, "a", "cologne.lta"))
	b.happens(copyEvent(opsdb.EventCopyLost, "a", "cornell.lta"))
	b.happens(copyEvent(opsdb.EventQuarantined, "a", "cologne.lta"))
	expect(t, "two bad copies", w.hears(t), "open quarantined copy:acologne.lta", "open lost copy:acornell.lta")
	if n := w.ears.got[0]; n.Text != "raw-a: quarantined at cologne.lta: two bytes differ" || n.Location != "cologne.lta" {
		t.Errorf("it says %+v", n)
	}
	b.happens(copyEvent(opsdb.EventCopyVerified, "a", "elsewhere.lta"))
	expect(t, "a good copy elsewhere", w.hears(t))
	w.restart(t)
	b.happens(copyEvent(opsdb.EventCopyVerified, "a", "cologne.lta"))
	expect(t, "repaired", w.hears(t), "over quarantined copy:acologne.lta")

	b.happens(opsdb.Event{Kind: opsdb.EventQuarantined, Subject: "package:b", Package: "b", Why: "every file changed"})
	b.happens(opsdb.Event{Kind: opsdb.EventFileKept, Subject: "file:f", Package: "b", Location: "ccat.chai", Why: "not its digest"})
	expect(t, "a package and a file", w.hears(t), "open quarantined package:b", "open file_kept file:f")
	b.happens(opsdb.Event{Kind: opsdb.EventPackaged, Subject: "package:b", Package: "b"})
	b.happens(opsdb.Event{Kind: opsdb.EventFileDeleted, Subject: "file:f", Package: "b"})
	expect(t, "both are over", w.hears(t), "over quarantined package:b", "over file_kept file:f")

	b.happens(opsdb.Event{Kind: opsdb.EventFileUnlike, Subject: "file:g", Package: "b", Location: "ccat.chai", Why: "another digest"})
	expect(t, "a file that is not what was announced", w.hears(t), "open file_unlike file:g")
	b.happens(opsdb.Event{Kind: opsdb.EventFileDeleted, Subject: "file:g", Package: "b"})
	expect(t, "it is gone", w.hears(t), "over file_unlike file:g")

	b.happens(copyEvent(opsdb.EventQuarantined, "c", "x.y"))
	b.happens(copyEvent(opsdb.EventCopyVerified, "c", "x.y"))
	expect(t, "what ended at once is said all the same", w.hears(t), "open quarantined copy:cx.y", "over quarantined copy:cx.y")

	b.events = append(b.events, copyEvent(opsdb.EventQuarantined, "d", "x.y")) // not chained yet
	expect(t, "an event without a number", w.hears(t))
	b.events = b.events[:len(b.events)-1]
	b.happens(copyEvent(opsdb.EventQuarantined, "d", "x.y"))
	expect(t, "chained", w.hears(t), "open quarantined copy:dx.y")
}

// A lost copy turns out to lie in quarantine: that is said as long as nothing stands in its place.
func TestALostCopyInQuarantine(t *testing.T) {
	t.Parallel()
	b := newBase()
	b.happens(opsdb.Event{Kind: opsdb.EventFiled})
	w := telling(t, b)
	expect(t, "a filing", w.hears(t))
	late := copyEvent(opsdb.EventQuarantined, "a", "x.y")
	late.Before = string(opsdb.Lost)
	b.happens(copyEvent(opsdb.EventCopyLost, "a", "x.y"))
	b.happens(late)
	expect(t, "a bad copy", w.hears(t), "open lost copy:ax.y", "open quarantined copy:ax.y")
	b.happens(copyEvent(opsdb.EventCopyVerified, "a", "x.y"))
	expect(t, "made again", w.hears(t), "over quarantined copy:ax.y", "over lost copy:ax.y")
	b.happens(late)
	expect(t, "told after that", w.hears(t))
}

func TestAtFirstOnlyWhatIsSoNowIsSaid(t *testing.T) {
	t.Parallel()
	b := newBase()
	b.happens(copyEvent(opsdb.EventQuarantined, "old", "x.y"))
	b.happens(copyEvent(opsdb.EventCopyVerified, "old", "x.y"))
	b.happens(copyEvent(opsdb.EventQuarantined, "a", "x.y"))
	b.happens(copyEvent(opsdb.EventCopyVerified, "a", "x.y"))
	b.happens(copyEvent(opsdb.EventQuarantined, "a", "x.y"))
	b.moves = []opsdb.OpenMove{move("m", "x.y", "data")}
	w := telling(t, b)
	expect(t, "the first look", w.hears(t), "open quarantined copy:ax.y", "open blocked package:m")

	b.world.Epoch = "restored"
	b.events = nil
	b.happens(copyEvent(opsdb.EventQuarantined, "a", "x.y"))
	b.happens(copyEvent(opsdb.EventQuarantined, "new", "x.y"))
	expect(t, "OpsDB was restored", w.hears(t), "open quarantined copy:newx.y")
}

func TestBrokenChain(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*base){
		"changed": func(b *base) { b.events[2].Why = "nothing" },
		"missing": func(b *base) { b.events = append(b.events[:2], b.events[3:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBase()
			w := telling(t, b)
			b.happens(opsdb.Event{Kind: opsdb.EventFiled})
			expect(t, "sound", w.hears(t))
			for range 3 {
				b.happens(opsdb.Event{Kind: opsdb.EventFiled, Why: "x"})
			}
			spoil(b)
			expect(t, "broken", w.hears(t), "open audit_broken audit")
			if text := w.ears.got[0].Text; !strings.Contains(text, "event 3") && !strings.Contains(text, "event 4 follows event 2") {
				t.Errorf("it says %q", text)
			}
			expect(t, "still", w.hears(t))
		})
	}
}

func TestAnOldEventThatWasChangedIsFoundWithinADay(t *testing.T) {
	t.Parallel()
	b := newBase()
	w := telling(t, b)
	w.hears(t)
	b.chain = opsdb.Chained{Broken: 17, Text: "event 17 has another content"}
	b.passes(23 * time.Hour)
	expect(t, "not read yet", w.hears(t))
	b.passes(time.Hour)
	expect(t, "read", w.hears(t), "open audit_broken audit")
	expect(t, "not read again at once", w.hears(t))
	if b.verified != 1 {
		t.Errorf("the chain was read %d times", b.verified)
	}
	b.chain = opsdb.Chained{}
	b.passes(24 * time.Hour)
	expect(t, "mended", w.hears(t), "over audit_broken audit")
}
