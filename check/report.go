package check

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// The rules beside S1 to S14 (design, section 8) that a violation can name.
const (
	Dark       = "dark"       // an object nobody knows (C3)
	Gone       = "lost"       // OpsDB says it is there, and it is not (C3)
	Bag        = "bag"        // an archived tar that is no valid bag
	SidecarBad = "sidecar"    // a sidecar that is missing or says what is not so
	Wrong      = "wrong"      // a member whose bytes, name or time are not the original's
	Unarchived = "unarchived" // liveness: a file that is not in every archive
	Unfiled    = "unfiled"    // liveness: a file that OpsDB does not know
	Twice      = "twice"      // the same thing packed or archived twice
	SendOnce   = "send_once"  // a package left its site again without need
	Crossed    = "crossed"    // more bytes went over a link than its packages have and faults explain
	Audit      = "audit"      // the chain of events does not hold
)

// Violation is one thing that is not as it must be. Rule is "S1" to "S14" or
// one of this package's words; Subject says of what ("package:…", "file:…",
// "cologne.lta:raw/….tar"); Text is for a person.
type Violation struct {
	Rule    string `json:"rule"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

func (v Violation) String() string { return fmt.Sprintf("%s %s: %s", v.Rule, v.Subject, v.Text) }

// Note is something worth knowing that breaks no rule: a leftover of an
// attempt, a quarantined object.
type Note struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Report is what a run found.
type Report struct {
	// Files and Bytes are the originals the run knew of.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Archived is, per archive, the number of originals whose member was re-read there and is right.
	Archived map[string]int `json:"archived"`
	// SourcesDeleted counts originals that are gone from their source, with an event that says so.
	SourcesDeleted int `json:"sources_deleted"`
	// CopiesLeft is, per location that is no archive, the number of packages with bytes there.
	CopiesLeft map[string]int `json:"copies_left"`
	// Links is what went over each link, by name.
	Links      []Link      `json:"links,omitempty"`
	Violations []Violation `json:"violations"`
	Notes      []Note      `json:"notes"`
	// Events is how many events were read and fit their chain.
	Events int64 `json:"events"`
}

// findings collects what the parts of a run find; safe for concurrent use.
type findings struct {
	mu         sync.Mutex
	violations []Violation
	notes      []Note
}

func (f *findings) violate(rule, subject, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.violations = append(f.violations, Violation{rule, subject, fmt.Sprintf(format, args...)})
}

func (f *findings) note(subject, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = append(f.notes, Note{subject, fmt.Sprintf(format, args...)})
}

// sorted gives the findings in an order that does not depend on the run.
func (f *findings) sorted() ([]Violation, []Note) {
	slices.SortFunc(f.violations, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Text, b.Text))
	})
	slices.SortFunc(f.notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Text, b.Text))
	})
	return append([]Violation{}, f.violations...), append([]Note{}, f.notes...)
}
