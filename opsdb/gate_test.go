package opsdb_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/opsdb"
)

const digest = opsdb.Digest("aa")

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// copyAt is a copy whose receipt of the given age says that it is right.
func copyAt(location string, age time.Duration) opsdb.Copy {
	at := now().Add(-age)
	return opsdb.Copy{ID: opsdb.ID(location), Package: "p", Location: location, Form: opsdb.Tar, Path: "p.tar", State: opsdb.Present, Size: 500, VerifiedAt: at,
		Receipt: &opsdb.Receipt{ID: opsdb.ID("r-" + location), Package: "p", Location: location, Path: "p.tar", Digest: digest, Size: 500, At: at}}
}

// facts is a package that may go from ccat.buffer: two fresh archive copies, two required.
func facts() opsdb.GateFacts {
	target := copyAt("ccat.buffer", time.Hour)
	target.State = opsdb.DeletionPossible
	return opsdb.GateFacts{
		Package:  opsdb.Package{ID: "p", Digest: digest, Size: 500},
		Target:   target,
		Copies:   []opsdb.Copy{target, copyAt("cologne.lta", time.Hour), copyAt("cornell.lta", time.Hour), copyAt("cologne.buffer", time.Hour)},
		Archives: map[string]bool{"cologne.lta": true, "cologne.tape": true, "cornell.lta": true, "lima.lta": true},
		Policy:   opsdb.Policy{Require: 2, Fresh: 100 * 24 * time.Hour},
		Now:      now(),
	}
}

// witness changes the copy at cornell.lta.
func witness(change func(*opsdb.Copy)) func(*opsdb.GateFacts) {
	return func(f *opsdb.GateFacts) { change(&f.Copies[2]) }
}

// TestGate is the truth table of copies, states, holds and freshness (D1, D2).
func TestGate(t *testing.T) {
	t.Parallel()
	const few, old = "require_archived", "stale_receipt"
	year := 365 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		change func(*opsdb.GateFacts)
		reason string // "" when it may go
	}{
		{"as it is", func(*opsdb.GateFacts) {}, ""},
		{"the database was put back", func(f *opsdb.GateFacts) { f.Restored = true }, "restored"},
		{"not packed", func(f *opsdb.GateFacts) { f.Package.Digest = "" }, "not_packed"},
		{"the package is quarantined", func(f *opsdb.GateFacts) { f.Package.Quarantined = "a file differs" }, "quarantined"},
		{"an archive", func(f *opsdb.GateFacts) { f.Target = f.Copies[1] }, "archive"},
		{"wanted", func(f *opsdb.GateFacts) { f.Wanted = []string{"cologne.lta", "ccat.buffer"} }, "still_wanted"},
		{"other places are wanted", func(f *opsdb.GateFacts) { f.Wanted = []string{"cologne.lta"} }, ""},

		{"read by place", func(f *opsdb.GateFacts) {
			f.Tasks = []opsdb.Task{{ID: "t", State: opsdb.TaskPending, From: "ccat.buffer"}}
		}, "being_read"},
		{"read by copy", func(f *opsdb.GateFacts) {
			f.Tasks = []opsdb.Task{{ID: "t", State: opsdb.TaskInProgress, SourceCopy: "ccat.buffer"}}
		}, "being_read"},
		{"checked", func(f *opsdb.GateFacts) {
			f.Tasks = []opsdb.Task{{ID: "t", State: opsdb.TaskScheduled, TargetCopy: "ccat.buffer"}}
		}, "being_read"},
		{"the asking task", func(f *opsdb.GateFacts) {
			f.Self = "t"
			f.Tasks = []opsdb.Task{{ID: "t", State: opsdb.TaskInProgress, From: "ccat.buffer", TargetCopy: "ccat.buffer"}}
		}, ""},
		{"an ended task", func(f *opsdb.GateFacts) {
			f.Tasks = []opsdb.Task{{ID: "t", State: opsdb.TaskFailed, From: "ccat.buffer"}}
		}, ""},
		{"a task elsewhere", func(f *opsdb.GateFacts) {
			f.Tasks = []opsdb.Task{{ID: "t", State: opsdb.TaskInProgress, From: "cologne.buffer"}}
		}, ""},

		{"held", func(f *opsdb.GateFacts) { f.Holds = []opsdb.Hold{{Kind: opsdb.HoldDelete}} }, "held"},
		{"held here", func(f *opsdb.GateFacts) { f.Holds = []opsdb.Hold{{Kind: opsdb.HoldAll, Location: "ccat.buffer"}} }, "held"},
		{"held elsewhere", func(f *opsdb.GateFacts) {
			f.Holds = []opsdb.Hold{{Kind: opsdb.HoldAll, Location: "cologne.buffer"}}
		}, ""},
		{"must not move", func(f *opsdb.GateFacts) { f.Holds = []opsdb.Hold{{Kind: opsdb.HoldMove}} }, ""},
		{"a witness is held", func(f *opsdb.GateFacts) { f.Holds = []opsdb.Hold{{Kind: opsdb.HoldDelete, Location: "cornell.lta"}} }, few},

		{"no witness", func(f *opsdb.GateFacts) { f.Copies = f.Copies[:1] }, few},
		{"one witness", func(f *opsdb.GateFacts) { f.Copies = f.Copies[:2] }, few},
		{"buffers are no witnesses", func(f *opsdb.GateFacts) { f.Copies[2] = copyAt("cornell.buffer", time.Hour) }, few},
		{"two at one site are one", func(f *opsdb.GateFacts) { f.Copies[2] = copyAt("cologne.tape", time.Hour) }, few},
		{"a third one elsewhere", func(f *opsdb.GateFacts) {
			f.Copies[2] = copyAt("cologne.tape", time.Hour)
			f.Copies = append(f.Copies, copyAt("lima.lta", time.Hour))
		}, ""},
		{"one is enough", func(f *opsdb.GateFacts) { f.Copies, f.Policy.Require = f.Copies[:2], 1 }, ""},
		{"none is never enough", func(f *opsdb.GateFacts) { f.Copies, f.Policy.Require = f.Copies[:1], 0 }, few},
		{"three are required", func(f *opsdb.GateFacts) { f.Policy.Require = 3 }, few},
		{"its site is lost", func(f *opsdb.GateFacts) { delete(f.Archives, "cornell.lta") }, few},

		{"another digest", witness(func(c *opsdb.Copy) { c.Receipt.Digest = "bb" }), few},
		{"another size", witness(func(c *opsdb.Copy) { c.Receipt.Size = 499 }), few},
		{"an empty digest", witness(func(c *opsdb.Copy) { c.Receipt.Digest = "" }), few},
		{"no receipt", witness(func(c *opsdb.Copy) { c.Receipt = nil }), few},
		{"an unpacked tree", witness(func(c *opsdb.Copy) { c.Form = opsdb.Tree }), few},
		{"a receipt of exactly the age", witness(func(c *opsdb.Copy) { c.Receipt.At = now().Add(-100 * 24 * time.Hour) }), ""},
		{"an old receipt", witness(func(c *opsdb.Copy) { c.Receipt.At = now().Add(-100*24*time.Hour - time.Microsecond) }), old},
		{"a receipt from the future", witness(func(c *opsdb.Copy) { c.Receipt.At = now().Add(time.Microsecond) }), old},
		{"an old one of a wrong digest", witness(func(c *opsdb.Copy) { c.Receipt.At, c.Receipt.Digest = now().Add(-year), "bb" }), few},
		{"all are old", func(f *opsdb.GateFacts) {
			f.Copies[1], f.Copies[2] = copyAt("cologne.lta", year), copyAt("cornell.lta", year)
		}, old},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := facts()
			c.change(&f)
			receipts, no := opsdb.Deletable(f)
			checkVerdict(t, f, receipts, no, c.reason)
		})
	}
}

func checkVerdict(t *testing.T, f opsdb.GateFacts, receipts []opsdb.Receipt, no *opsdb.Objection, reason string) {
	t.Helper()
	if reason == "" {
		if no != nil || len(receipts) < max(f.Policy.Require, 1) {
			t.Fatalf("refused: %v, %d receipts", no, len(receipts))
		}
		return
	}
	if no == nil || no.Reason != reason || no.Rule == "" || no.Error() == "" || receipts != nil {
		t.Fatalf("objection %+v, want %s", no, reason)
	}
	if (reason == "stale_receipt") != (len(no.Stale) > 0) {
		t.Fatalf("to be read again: %v", no.Stale)
	}
}

// TestGateStates tries every state of a witness: only one that is present speaks.
func TestGateStates(t *testing.T) {
	t.Parallel()
	for _, state := range []opsdb.CopyState{opsdb.Expected, opsdb.Arrived, opsdb.Present, opsdb.Staged, opsdb.DeletionPossible, opsdb.DeletionScheduled,
		opsdb.DeletionInProgress, opsdb.Deleted, opsdb.DeletionFailed, opsdb.Quarantined, opsdb.Lost} {
		f := facts()
		f.Copies[2].State = state
		if _, no := opsdb.Deletable(f); (no == nil) != (state == opsdb.Present) {
			t.Errorf("a witness that is %s: %v", state, no)
		}
	}
}

// TestStaleNamesWhatToRead wants one copy a site re-read, and none that speaks already.
func TestStaleNamesWhatToRead(t *testing.T) {
	t.Parallel()
	f := facts()
	year := 365 * 24 * time.Hour
	f.Copies = append(f.Copies[:2], copyAt("cologne.tape", year), copyAt("cornell.lta", year))
	_, no := opsdb.Deletable(f)
	if no == nil || !slices.Equal(no.Stale, []opsdb.ID{"cornell.lta"}) {
		t.Fatalf("objection %+v", no)
	}
}

// TestGateNeverOpensWrongly draws packages at random: whenever the gate opens,
// enough other archive copies at distinct sites that are present, right, fresh
// and not held speak for it, recounted here in plain words.
func TestGateNeverOpensWrongly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := draw(t)
		receipts, no := opsdb.Deletable(f)
		sites := map[string]bool{}
		for _, c := range f.Copies {
			if f.Archives[c.Location] && c.ID != f.Target.ID && c.State == opsdb.Present && c.Form == opsdb.Tar && c.Receipt != nil &&
				c.Receipt.Digest == digest && c.Receipt.Size == 500 && !c.Receipt.At.After(f.Now) && f.Now.Sub(c.Receipt.At) <= f.Policy.Fresh &&
				!slices.ContainsFunc(f.Holds, func(h opsdb.Hold) bool { return h.Location == c.Location }) {
				sites[opsdb.SiteOf(c.Location)] = true
			}
		}
		enough := len(sites) >= max(f.Policy.Require, 1)
		free := len(f.Wanted) == 0 && len(f.Tasks) == 0 && !slices.ContainsFunc(f.Holds, func(h opsdb.Hold) bool { return h.Location == "" || h.Location == f.Target.Location })
		if (no == nil) != (enough && free) {
			t.Fatalf("objection %v, sites %v, require %d", no, sites, f.Policy.Require)
		}
		seen := map[string]bool{}
		for _, r := range receipts {
			if site := opsdb.SiteOf(r.Location); seen[site] || !sites[site] {
				t.Fatalf("receipt of %s speaks", r.Location)
			} else {
				seen[site] = true
			}
		}
	})
}

func draw(t *rapid.T) opsdb.GateFacts {
	f := facts()
	f.Policy.Require = rapid.IntRange(0, 3).Draw(t, "require")
	f.Copies = f.Copies[:1]
	for i, location := range []string{"cologne.lta", "cologne.tape", "cornell.lta", "lima.lta", "cornell.buffer"} {
		if !rapid.Bool().Draw(t, "there") {
			continue
		}
		c := copyAt(location, time.Duration(rapid.IntRange(-24, 200*24).Draw(t, "hours"))*time.Hour)
		c.ID = opsdb.ID(fmt.Sprint(i))
		c.State = rapid.SampledFrom([]opsdb.CopyState{opsdb.Present, opsdb.Present, opsdb.Present, opsdb.Arrived, opsdb.Quarantined, opsdb.Lost}).Draw(t, "state")
		c.Receipt.Digest = rapid.SampledFrom([]opsdb.Digest{digest, digest, digest, "bb"}).Draw(t, "digest")
		f.Copies = append(f.Copies, c)
	}
	if rapid.IntRange(0, 4).Draw(t, "wanted") == 0 {
		f.Wanted = []string{"ccat.buffer"}
	}
	if rapid.IntRange(0, 4).Draw(t, "read") == 0 {
		f.Tasks = []opsdb.Task{{ID: "t", State: opsdb.TaskScheduled, From: "ccat.buffer"}}
	}
	if rapid.IntRange(0, 2).Draw(t, "held") == 0 {
		f.Holds = []opsdb.Hold{{Kind: opsdb.HoldDelete, Location: rapid.SampledFrom([]string{"", "ccat.buffer", "cologne.lta", "lima.lta"}).Draw(t, "place")}}
	}
	return f
}
