package opsdb

import (
	"fmt"
	"time"
)

// GateFacts is what the safety gate looks at for one copy.
type GateFacts struct {
	Package  Package
	Target   Copy
	Copies   []Copy // all copies of the package with their latest receipts
	Tasks    []Task // open tasks of the package
	Holds    []Hold
	Requests []StagingRequest // of the package; an open one makes its place wanted, whatever was last evaluated
	Wanted   []string         // wanted places and places on a chosen way, as last evaluated
	Archives map[string]bool  // locations of type long_term_archive in sites that are not lost
	Policy   Policy
	Now      time.Time
	Self     ID   // the delete task that asks; not counted as a reader
	Restored bool // OpsDB was put back, and no inventory has passed (S8)
}

// Objection is why a copy may not be deleted. Rule is the one broken ("S1");
// Reason is a word of engine/reason.go.
type Objection struct {
	Rule   string
	Reason string
	Text   string
	// Stale lists archive copies whose receipt is right but too old, when
	// nothing else stands in the way: re-reading them becomes wanted.
	Stale []ID
	// Again is set by Confirm alone: this attempt was told yes before and may
	// hold bytes out of their place. It puts them back, and its task is tried
	// again: only an attempt that holds nothing ends the deletion.
	Again bool
}

func (o *Objection) Error() string { return fmt.Sprintf("%s: %s", o.Rule, o.Text) }

// Deletable is the one gate through which every deletion passes: once when
// the engine condemns, once when it dispatches, and once more under a lock
// right before the act. It returns the receipts that speak for the deletion,
// or an objection (design, S1). It has no clock and does no I/O.
func Deletable(f GateFacts) ([]Receipt, *Objection) {
	if o := f.forbidden(); o != nil {
		return nil, o
	}
	speak, stale := f.witnesses()
	need := max(f.Policy.Require, 1)
	if len(speak) >= need {
		return speak, nil
	}
	if len(speak)+len(stale) >= need {
		return nil, &Objection{Rule: "S1", Reason: "stale_receipt", Text: fmt.Sprintf("%d of %d archive copies were read back recently enough; re-reading comes first", len(speak), need), Stale: stale}
	}
	return nil, &Objection{Rule: "S1", Reason: "require_archived", Text: fmt.Sprintf("%d of %d verified archive copies at distinct sites", len(speak)+len(stale), need)}
}

// forbidden finds what stands in the way whatever the receipts say.
func (f GateFacts) forbidden() *Objection {
	at := f.Target.Location
	switch {
	case f.Restored:
		return restoredObjection()
	case f.Package.Digest == "":
		return &Objection{Rule: "S4", Reason: "not_packed", Text: "the package has no digest yet"}
	case f.Package.Quarantined != "":
		return &Objection{Rule: "S1f", Reason: "quarantined", Text: "the package is quarantined: " + f.Package.Quarantined}
	case f.Archives[at]:
		return &Objection{Rule: "S3", Reason: "archive", Text: at + " is an archive: nothing is removed there"}
	}
	for _, w := range f.Wanted {
		if w == at {
			return &Objection{Rule: "S1", Reason: "still_wanted", Text: "the package is wanted at " + at + ", or it lies on the way"}
		}
	}
	for _, r := range f.Requests {
		if r.Open() && r.Location == at {
			return &Objection{Rule: "S1", Reason: "still_wanted", Text: r.Who + " has asked for the package at " + at}
		}
	}
	for _, t := range f.Tasks {
		if t.ID != f.Self && t.State.Open() && (t.From == at || t.SourceCopy == f.Target.ID || t.TargetCopy == f.Target.ID) {
			return &Objection{Rule: "S1", Reason: "being_read", Text: fmt.Sprintf("task %s (%s) uses it", t.ID.Short(), t.Stage)}
		}
	}
	for _, h := range f.Holds {
		if h.Kind != HoldMove && (h.Location == "" || h.Location == at) {
			return &Objection{Rule: "S1", Reason: "held", Text: fmt.Sprintf("held by %s: %s", h.Who, h.Why)}
		}
	}
	return nil
}

// witnesses returns the receipts of other archive copies that speak now, one
// a site, and the copies that would speak after a re-read.
func (f GateFacts) witnesses() (speak []Receipt, stale []ID) {
	sites := map[string]bool{}
	var old []Copy
	for _, c := range f.Copies {
		if c.ID == f.Target.ID || !f.Archives[c.Location] || c.Form != Tar || c.State != Present || f.held(c) {
			continue
		}
		site := SiteOf(c.Location)
		switch {
		case sites[site]:
		case c.Receipt.Speaks(f.Package, f.Now, f.Policy.Fresh):
			sites[site] = true
			speak = append(speak, *c.Receipt)
		case c.Receipt.Speaks(f.Package, maxTime(f.Now, receiptTime(c)), 0):
			old = append(old, c)
		}
	}
	for _, c := range old {
		if site := SiteOf(c.Location); !sites[site] {
			sites[site] = true
			stale = append(stale, c.ID)
		}
	}
	return speak, stale
}

func (f GateFacts) held(c Copy) bool {
	for _, h := range f.Holds {
		if h.Location == c.Location {
			return true
		}
	}
	return false
}

func receiptTime(c Copy) time.Time {
	if c.Receipt == nil {
		return time.Time{}
	}
	return c.Receipt.At
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
