package tables

import "github.com/ccatobs/cdt/opsdb"

// Dialect is how one database says what not all say alike: pieces of SQL, each
// for one place in a statement, and the few acts that each does in its own way.
type Dialect struct {
	// OneWriter is true where transactions follow one another: nothing need be looked up in order to be locked.
	OneWriter bool
	// FindsBehind is true if Dirty finds what was evaluated under another revision. Elsewhere everything is marked dirty when one is activated.
	FindsBehind bool

	// In holds for rows whose column is in the list that is the n-th argument.
	In func(column string, n int) string
	// SiteOf is the site of a location's name.
	SiteOf func(column string) string
	// EndsIn holds for an id that ends in the digits $2; $1 are the last twelve of them in reverse.
	EndsIn string
	// Yes and No are the values of a truth that is compared. (Of one that is set, true and false are understood everywhere.)
	Yes, No string
	// ForUpdate ends a query whose rows are to be locked.
	ForUpdate string
	// Open holds for a task that has not ended, of a table or its alias.
	Open func(table string) string
	// AmongOpen holds for the same; it is for statements that look for all of them, not for those of a package or a batch.
	AmongOpen func(table string) string
	// Ill holds for tasks that ended without having done their work.
	Ill string
	// NoLease takes the lease from a task, in SET; Lease has it end at the argument.
	NoLease string
	Lease   func(arg string) string
	// Apart ends a query in FROM that is to be planned by itself.
	Apart string

	// PackageColumns are what [ScanPackage] reads, of package p and its state as PackageFrom gives them.
	PackageColumns, PackageFrom string
	// Status is the column with a package's status there.
	Status string
	// State is the table with what of a package changes all the time; its id is the package's, its StateKey the package's key.
	State, StateKey string
	// Dirty holds for the rows of State of dirty packages.
	Dirty string
	// FinishAlone is for who finishes observation $1: nobody routes a file of it meanwhile.
	FinishAlone string
	// Clock is the table with the observed clock.
	Clock string
	// ChainHead is seq and hash of the last event in the chain.
	ChainHead string
	// Unchained holds for events that are not in the chain yet.
	Unchained string

	// Counted are the counters.
	Counted Counted
	// Pressure is what is kept of pressure.
	Pressure Pressure
	// Restore begins a new epoch.
	Restore func(t Tx, was, epoch, who, why string) error
	// Lift ends the quarantine of a package, with its event.
	Lift func(t Tx, pkg opsdb.ID, e opsdb.Event) error
}

// Counted are queries of counters that are kept beside the rows: nothing is counted by a scan.
type Counted struct {
	Files      string // place, state, count, bytes
	Unrouted   string // count, bytes: of files in no group and no package
	Copies     string // place, state, count, bytes
	Packages   string // status, count
	Tasks      string // state, count
	Moves      string // verdict, reason, count
	Registered string // place, count, bytes: of all files that were ever filed there
	Register   string // of location $1: $2 files and $3 bytes more; "" where the schema counts them
	Left       string // bytes used at $1 and not condemned
}

// Pressure are statements about what pressure reaches at a location.
type Pressure struct {
	Alone string // one transaction at a time from here on
	Rest  string // of $1: nothing more need be condemned
	End   string // of $1: it is over
	Reach string // of $1: it presses, up to age $2 and package $3
}
