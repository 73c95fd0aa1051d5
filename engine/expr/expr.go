// Package expr is what an expression in a route may say, what it means, what
// it reads, and when its value can change by itself.
//
// The language is expr-lang with an allow-list of syntax (design, section 3).
// The package imports engine/diag and opsdb (nouns) and nothing else of ours.
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

// Env is everything an expression can read. Only what the kind allows is looked at.
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
	// At reports whether a verified copy is at the location.
	At func(location string) bool
	// ArchivedAll reports whether a verified copy is at every location of the set.
	ArchivedAll func(set string) bool
}

// Reads is what an expression looks at: what makes its package dirty.
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

// Program is a compiled expression. It is immutable and safe for concurrent use.
//
// Its methods are:
//
//	Bool(Env) (bool, error)             its value; an error is a bug of the compiler or a budget exceeded
//	Int(Env) (int, error)
//	Next(env Env, now time.Time) time.Time   the earliest time after now at which the value can change though no fact
//	                                    changes (thresholds of age, idle, now, next cron edge); zero: never
//	Terms(Env) []Term                   the expression as a labelled list for `why`: each comparison with its value now
//	Reads() Reads
//	String() string                     its source
//
// Compile(kind Kind, source string, at diag.Place, names Names, list *diag.List) *Program
type Program struct{ source string }

// Window is a cron expression whose minutes are those in which something may start (UTC unless CRON_TZ=).
//
// Its methods are Open(now) bool, Next(now) time.Time (the next edge after now), String().
type Window struct{ source string }
