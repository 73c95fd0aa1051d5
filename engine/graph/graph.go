// Package graph is the compiled form of a set of routes: typed, resolved,
// ordered and proved safe. [Compile] makes it by an ordered list of named
// passes; the engine only reads it. It holds no facts and decides nothing about
// a package: whether a move exists for it, and which way it takes, is the engine's.
//
// It may import engine/{route,expr,diag} and stages (specs), opsdb (nouns).
package graph

import (
	"time"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/opsdb"
)

// Graph is a validated set of routes. It is immutable and safe for concurrent use.
type Graph struct {
	Digest    opsdb.Digest // of the source texts
	Sites     []*Site      // in the order of the files, sorted by file name
	Locations map[string]*Location
	Links     map[string]*Link // by opsdb.LinkName
	Sets      map[string][]*Location
	Routes    []*Route
}

// Site is a place with machines.
type Site struct {
	Name           string
	Title          string
	State          opsdb.SiteState
	SendOnce       bool
	SendAgainAfter time.Duration // 0: never
	Locations      []*Location
	At             diag.Place
}

// Location is a storage place.
type Location struct {
	Name     string // "site.location"
	Site     *Site
	Type     opsdb.LocationType
	Storage  opsdb.StorageKind
	Path     string   // disk and tape: root folder
	S3       *Bucket  // of storage s3
	Tape     *Library // of storage tape
	Capacity int64    // bytes; 0: not said
	Reserve  int64    // bytes kept for packages that have left their source site
	Ahead    int64    // bytes that may wait here for the next hop
	Backfill int      // percent of the buffer back-fill may use
	AtOnce   int      // tasks at once that write here; 0: no limit
	Layout   string
	Final    Final
	Ignore   []string
	At       diag.Place
}

// Final says when a found file counts as complete.
type Final struct {
	By    string // rename, stable, marker
	After time.Duration
}

// Link is a directed connection between two sites.
type Link struct {
	From, To  *Site
	Transport string
	Bandwidth int64 // bit/s; 0: not said
	RTT       time.Duration
	AtOnce    int // default 1
	Cost      float64
	Driver    string // site that runs send; default From
	Limits    []Limit
	Share     int  // percent kept for each lower class, default 10
	Far       *Far // the transport's own block; nil if it needs no host at the other end
	At        diag.Place
}

// Name is "from>to".
func (l *Link) Name() string { return opsdb.LinkName(l.From.Name, l.To.Name) }

// Limit is a rate by time of day.
type Limit struct {
	Window *expr.Window
	Rate   int64 // bit/s
}

// Route is a DAG of stages over locations, with retention.
type Route struct {
	Name        string
	Description string
	Formerly    []string
	State       string   // "", "paused"
	Stages      []*Stage // ordered: a stage after those it follows or needs, else as written
	Retention   Retention
	Archives    []*Location // long_term_archive locations its archive stages lead to, in order
	At          diag.Place
}

// Stage is a typed step of a route.
type Stage struct {
	Route    *Route
	Name     string
	Type     string
	Formerly []string
	Moves    []*Move // in the order of sets: from outer, to inner
	Needs    []*Stage
	Follows  []*Stage      // stages that write what this one reads
	When     *expr.Program // nil: always
	Priority *expr.Program // nil: 0
	Wanted   bool          // `wanted: true`: each move's To is wanted
	Wants    bool          // each move's To is wanted: by Wanted, or by the type
	Choose   string        // "", order, round_robin, least_backlog
	AtOnce   int           // 0: no limit
	Attempts int           // that count, before it is blocked; default 8
	Window   *expr.Window  // nil: any time
	At       diag.Place

	// package
	Select    *expr.Program // nil: every file
	CloseWhen *expr.Program
	GroupBy   []string // instrument, observation, module, program
	MaxSize   int64

	// transfer
	Batch Batch

	// verify
	Every     time.Duration
	OnCorrupt string // repair
}

// Batch is several packages in one call of the transport.
type Batch struct {
	MaxSize     int64
	MaxPackages int
	MaxWait     time.Duration
}

// Move is one (stage, from, to) a route allows. Verify has moves with From equal to To.
type Move struct {
	Stage    *Stage
	From, To *Location
	Link     *Link // nil within a site
	// Driver is empty, or the word of a transport or storage this version has
	// no driver for: the move is blocked: no_driver.
	NoDriver string
}

// Retention says what may be deleted.
type Retention struct {
	Require int // never below 1
	Fresh   time.Duration
	Grace   time.Duration
	Brake   opsdb.Spent // per hour and location
	Rules   []*Rule     // one a location, in the order written
	At      diag.Place
}

// Policy is the retention as the gate takes it.
func (r Retention) Policy() opsdb.Policy {
	return opsdb.Policy{Require: r.Require, Fresh: r.Fresh, Grace: r.Grace, Brake: r.Brake}
}

// Rule is the retention of one location.
type Rule struct {
	Location *Location
	When     *expr.Program
	// Above and Until are percents of the capacity: above Above, deletions
	// start whatever When says, oldest first, down to Until. 0: no pressure.
	Above, Until int
	At           diag.Place
}
