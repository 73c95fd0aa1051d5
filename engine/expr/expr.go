// Package expr is what an expression in a route may say, what it means, what
// it reads, and when its value can change by itself.
//
// The language is expr-lang with an allow-list of syntax (design, section 3):
// [Compile] walks the syntax tree with types of its own before anything is
// compiled, so that every problem has its place and nothing of expr-lang comes
// in by itself. What an expression means for a package (which facts go into
// [Env]) is no business of this package.
//
// It may import engine/diag and opsdb (nouns) and nothing else of ours.
package expr

import "time"

// Kind says where an expression stands, and so which names it may use and what it yields.
type Kind string

// The kinds.
const (
	When     Kind = "when"        // bool, per package and move
	Priority Kind = "priority"    // int, per package
	Select   Kind = "select"      // bool, per file: the names of group
	Close    Kind = "close_when"  // bool, per group
	Delete   Kind = "delete_when" // bool, per package and location
)

// Size is a number of bytes in an expression.
type Size struct{ B int64 }

// Package is the `package` of an expression.
type Package struct {
	ID, Name    string
	Number      int
	Bytes       Size
	Files       int
	Age         time.Duration
	ObservedAt  time.Time
	Instrument  string
	Module      string
	Program     string
	Observation string
	Tags        []string
}

// Group is the `group` of an expression.
type Group struct {
	Bytes       Size
	Files       int
	Age, Idle   time.Duration
	Finished    bool
	Instrument  string
	Module      string
	Program     string
	Observation string
	Tags        []string
}

// Place is `from`, `to` or `here`.
type Place struct {
	Used, Free Size
	Site, Type string
}

// Link is `link`.
type Link struct {
	Up      bool
	Backlog Size
}

// Env is everything an expression can read. Only what the kind allows is
// looked at. In `when`, here is the place the move reads from: Here is ignored and From is taken.
type Env struct {
	Package   Package
	Group     Group
	Archived  int
	Copies    int
	Age       time.Duration
	Requested bool
	Released  bool
	From      Place
	To        Place
	Here      Place
	Link      Link
	Now       time.Time
	// At reports whether a verified copy is at the location; nil: nowhere.
	At func(location string) bool
	// ArchivedAll reports whether a verified copy is at every location of the set; nil: no.
	ArchivedAll func(set string) bool
}

// Reads is what an expression looks at: what makes its package dirty. Age, Idle
// and Now change by themselves; see [Program.Next].
type Reads struct {
	Package   bool
	Group     bool
	Archived  bool
	Copies    bool
	Age       bool
	Idle      bool
	Now       bool
	Requests  bool
	Locations []string // at("…")
	Sets      []string // archived_all("…")
	Places    []string // "from", "to", "here"
	Link      bool
}
