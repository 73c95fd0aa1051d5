package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
)

// told is a way to spoil the events, chained anew so that only the rule in question is broken.
func told(change func(w *world)) func(w *world) {
	return func(w *world) {
		change(w)
		w.chainEvents()
	}
}

func proof(change func(w *world, p *opsdb.DeletionProof)) func(w *world) {
	return told(func(w *world) { w.proof(func(p *opsdb.DeletionProof) { change(w, p) }) })
}

func TestSpoiltDeletionsAreFound(t *testing.T) {
	t.Parallel()
	judge(t, []spoil{
		{"deleted without a word before", "S1", told(func(w *world) { w.drop(opsdb.EventDeleting, summit) })},
		{"files deleted without a word before", "S1f", told(func(w *world) { w.drop(opsdb.EventDeleting, telescope) })},
		{"never condemned", "S14", told(func(w *world) { w.drop(opsdb.EventCondemned, summit) })},
		{"gone before its grace ended", "S14", func(w *world) { w.config.Grace = time.Hour }},
		{"a proof that cannot be read", "S1", told(func(w *world) { w.find(opsdb.EventDeleting, 0).After = "?" })},
		{"one receipt", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Receipts = p.Receipts[:1] })},
		{"two receipts of one site", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Receipts[1] = p.Receipts[0] })},
		{"fewer than asked for", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Require = 3 })},
		{"a receipt of a buffer", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Receipts[0].Location = landing })},
		{"a receipt of another digest", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Receipts[0].Digest = digest(nil) })},
		{"a receipt of another size", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Receipts[0].Size++ })},
		{"a receipt of another package", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Receipts[0].Package = opsdb.NewID() })},
		{"a receipt from the future", "S1", proof(func(w *world, p *opsdb.DeletionProof) { p.Receipts[0].At = w.now.Add(time.Hour) })},
		{"a stale receipt", "S1", proof(func(w *world, p *opsdb.DeletionProof) { p.Receipts[0].At = w.now.AddDate(-1, 0, 0) })},
		{"a freshness that is none", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Fresh = "long" })},
		{"the copy speaks for itself", "S1", proof(func(_ *world, p *opsdb.DeletionProof) { p.Receipts[0].Location = telescope })},
		{"an archive nobody ever verified", "S1", told(func(w *world) { w.drop(opsdb.EventCopyVerified, second) })},
		{"an archive copy that was quarantined since", "S1f", told(func(w *world) {
			w.find(opsdb.EventCondemned, 0).Kind, w.find(opsdb.EventCondemned, 0).Location = opsdb.EventQuarantined, second
		})},
		{"an archive copy that was lost since", "S1", told(func(w *world) {
			e := w.find(opsdb.EventCondemned, 1)
			e.Kind, e.Location = opsdb.EventCopyLost, second
		})},
		{"pardoned and deleted all the same", "S1", told(func(w *world) {
			last := w.db.events[len(w.db.events)-1]
			w.db.events = w.db.events[:len(w.db.events)-1]
			w.event(opsdb.EventPardoned, last.Subject, last.Location, nil)
			w.event(opsdb.EventDeleted, last.Subject, last.Location, nil)
		})},
		{"brought again and deleted on the old word", "S1", told(func(w *world) {
			w.arrive(landing, summit)
			w.event(opsdb.EventDeleted, "package:x", summit, nil)
		})},
		{"condemned in an archive", "S3", told(func(w *world) { w.event(opsdb.EventCondemned, "package:x", first, nil) })},
		{"announced in an archive", "S3", told(func(w *world) {
			w.event(opsdb.EventDeleting, "package:x", first, opsdb.DeletionProof{})
		})},
		{"deleted in an archive", "S3", told(func(w *world) { w.event(opsdb.EventDeleted, "package:x", first, nil) })},
		{"a file in no package deleted", "S1f", told(func(w *world) { w.event(opsdb.EventFileDeleted, "file:x", telescope, nil) })},
		{"a file of two packages, one not willing", "S1f", told(func(w *world) {
			p := w.pkg
			p.ID, p.Route, p.Name = opsdb.NewID(), "other", "other-1"
			w.db.packages = append(w.db.packages, opsdb.Facts{Package: p})
			w.db.members[p.ID] = w.db.members[w.pkg.ID]
		})},
	})
}

func TestSpoiltEventsAreFound(t *testing.T) {
	t.Parallel()
	judge(t, []spoil{
		{"a changed event", check.Audit, func(w *world) { w.db.events[3].Why = "I was not there" }},
		{"a missing event", check.Audit, func(w *world) { w.db.events = append(w.db.events[:3:3], w.db.events[4:]...) }},
		{"a chained event after one that is not", check.Audit, func(w *world) { w.db.events[3].Seq = 0 }},
		{"a packing that cannot be read", check.Audit, told(func(w *world) { w.find(opsdb.EventPackaged, 0).After = "?" })},
		{"a receipt that cannot be read", check.Audit, told(func(w *world) { w.find(opsdb.EventCopyVerified, 0).After = "?" })},
		{"a digest born twice", "S4", told(func(w *world) {
			w.event(opsdb.EventPackaged, "package:x", summit, map[string]any{"digest": digest(nil), "size": 1})
		})},
		{"verified with another digest", "S4", told(func(w *world) {
			r := w.receipt(landing)
			r.Digest = digest(nil)
			w.event(opsdb.EventCopyVerified, "package:x", landing, r)
		})},
		{"verified in the future", "S7", told(func(w *world) {
			r := w.receipt(landing)
			r.At = w.now.Add(time.Hour)
			w.event(opsdb.EventCopyVerified, "package:x", landing, r)
		})},
		{"over the ocean a second time", check.SendOnce, told(func(w *world) { w.arrive(summit, landing2) })},
		{"over the ocean a third time by one order", check.SendOnce, told(func(w *world) {
			w.ordered("cornell")
			w.arrive(summit, landing2)
			w.arrive(summit, landing2)
		})},
		{"ordered for another site", check.SendOnce, told(func(w *world) {
			w.ordered("cologne")
			w.arrive(summit, landing2)
		})},
		{"after the order was taken back", check.SendOnce, told(func(w *world) {
			w.ordered("cornell")
			w.event(opsdb.EventResendEnded, "resend:x", "", nil)
			e := &w.db.events[len(w.db.events)-1]
			e.Actor, e.Before = "person:ada", "cornell"
			w.arrive(summit, landing2)
		})},
	})
}

// A person's order lets a package leave again.
func TestOrderedCrossing(t *testing.T) {
	t.Parallel()
	unspoilt(t, map[string]func(w *world){
		"by order": told(func(w *world) {
			w.ordered("cornell")
			w.arrive(summit, landing2)
		}),
		"by order, and read twice": told(func(w *world) {
			w.ordered("cornell")
			w.arrive(summit, landing2)
			w.db.events = append(w.db.events, w.db.events[len(w.db.events)-1])
		}),
	})
}

// ordered lets the package leave again for a site.
func (w *world) ordered(site string) {
	w.event(opsdb.EventResend, "resend:x", "", nil)
	e := &w.db.events[len(w.db.events)-1]
	e.Actor, e.After = "person:ada", site
}

func TestUnchainedTailIsNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.event(opsdb.EventLocationUp, "location:"+first, first, nil)
	report := w.run()
	if len(report.Violations) != 0 || len(report.Notes) != 1 {
		t.Errorf("violations %v, notes %v", report.Violations, report.Notes)
	}
}

func TestSecondCrossingAfterALossIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.events = nil
	w.config.Finished, w.config.Truth = false, map[string][]check.Original{}
	w.db.files = nil
	w.event(opsdb.EventPackaged, "package:x", summit, map[string]any{"digest": w.pkg.Digest, "size": w.pkg.Size})
	w.arrive(telescope, summit)
	w.arrive(summit, landing)
	w.event(opsdb.EventCopyLost, "package:x", landing, nil)
	w.arrive(summit, landing2)
	w.chainEvents()
	if report := w.run(); len(report.Violations) != 0 {
		t.Errorf("violations: %v", report.Violations)
	}
}

// A lost copy that turns out to lie in quarantine takes nothing from the one that was made in its place meanwhile.
func TestLostCopyInQuarantine(t *testing.T) {
	t.Parallel()
	around := func(lost, quarantined string) func(w *world) {
		return told(func(w *world) {
			n := slices.IndexFunc(w.db.events, func(e opsdb.Event) bool { return e.Kind == opsdb.EventCopyVerified && e.Location == second })
			before, after := w.db.events[n], w.db.events[n]
			before.Kind, before.Subject, after.Kind, after.Subject = opsdb.EventCopyLost, lost, opsdb.EventQuarantined, quarantined
			w.db.events = slices.Insert(slices.Insert(w.db.events, n+1, after), n, before)
		})
	}
	unspoilt(t, map[string]func(w *world){"the lost one": around("copy:old", "copy:old")})
	judge(t, []spoil{{"the one in its place", "S1", around("copy:old", "copy:new")}})
}
