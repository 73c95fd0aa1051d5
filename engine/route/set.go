// Package route is the YAML of routes as Go: a strict parse that keeps the
// place of every value. It resolves no name, compiles no expression and knows
// no stage type by itself: the fields of stages are handed in as data.
//
// It may import engine/diag and nothing else of ours.
package route

import (
	"time"

	"github.com/ccatobs/cdt/engine/diag"
)

// Set is everything the files of one run say, in the order of the files
// (sorted by name) and within a file as written. No name in it is resolved.
type Set struct {
	Files  []File
	Sites  []*Site
	Links  []*Link
	Sets   []*Named
	Routes []*Route
}

// File is one text the set was read from, as it was read: ${VAR} not replaced.
type File struct {
	Name string
	Text []byte
}

// Value is a value with its place. Where nothing was written, Set is false, V
// is the default of the field (or zero), and At is the place of the object the
// value would stand in.
type Value[T any] struct {
	V   T
	At  diag.Place // of the first character of the value, inside quotes
	Set bool
}

// Text is a string whose characters have places: an expression, a window, a layout.
type Text struct {
	V    string
	At   diag.Place
	Set  bool
	src  *source
	from []int32 // of each rune of V, the rune of src it comes from; empty: all at At
}

// List is a list of words, each with its place. One word without brackets is a list of one.
type List struct {
	V   []Value[string]
	At  diag.Place
	Set bool
}

// Names returns the words of the list.
func (l List) Names() []string {
	out := make([]string, len(l.V))
	for i, v := range l.V {
		out[i] = v.V
	}
	return out
}

// Site is an entry of `sites`.
type Site struct {
	Name           string // the key
	At             diag.Place
	Title          Value[string] // `name`
	State          Value[string] // active (default), planned, lost
	SendOnce       Value[bool]
	SendAgainAfter Value[time.Duration]
	Locations      []*Location
}

// Location is an entry of a site's `locations`.
type Location struct {
	Name     string // the key, without the site
	At       diag.Place
	Title    Value[string] // `name`
	Type     Value[string] // source, buffer, long_term_archive, processing
	Storage  Value[string] // disk, s3 or tape, at the place of its block; exactly one is written
	Path     Value[string] // of disk or tape
	S3       Fields        // endpoint, bucket, credentials, prefix, region: String
	Tape     Fields        // path: String; put, recall, verify: List
	Capacity Value[int64]  // bytes
	Reserve  Value[int64]  // bytes
	Ahead    Value[int64]  // bytes
	Backfill Value[int]    // percent
	AtOnce   Value[int]
	Layout   Text
	Final    Final
	Ignore   List
}

// Final says when a found file counts as complete.
type Final struct {
	By    Value[string] // rename, stable, marker
	After Value[time.Duration]
}

// Link is an entry of `links`.
type Link struct {
	At        diag.Place
	From, To  Value[string] // sites
	Transport Value[string]
	Bandwidth Value[int64] // bit/s
	RTT       Value[time.Duration]
	AtOnce    Value[int] // default 1
	Cost      Value[float64]
	Driver    Value[string] // a site
	Limits    []Limit
	Share     Value[int] // percent
	// Options is the block named like the transport.
	Options Fields
}

// Limit is a rate by time of day.
type Limit struct {
	At     diag.Place
	Window Text
	Rate   Value[int64] // bit/s
}

// Named is an entry of `sets`.
type Named struct {
	Name string
	At   diag.Place
	List List
}

// Route is an entry of `routes`.
type Route struct {
	Name        string
	At          diag.Place
	Description Value[string]
	Formerly    List
	State       Value[string] // active (default), paused
	Stages      []*Stage
	Retention   Retention
}

// Stage is an entry of a route's `stages`: what every stage may say as struct
// fields, what only its type may say in Fields.
type Stage struct {
	Name        string
	At          diag.Place
	Type        Value[string]
	Description Value[string]
	From        List // places: locations or sets
	To          List
	Here        List // `at`
	When        Text
	Needs       List
	Priority    Text
	Wanted      Value[bool]
	Choose      Value[string] // "", order, least_backlog, round_robin
	AtOnce      Value[int]
	Attempts    Value[int]
	Window      Text
	Formerly    List
	Fields      Fields
}

// Retention is a route's `retention`. If none is written, Set is false.
type Retention struct {
	At       diag.Place
	Set      bool
	Require  Value[int]
	Fresh    Value[time.Duration]
	Grace    Value[time.Duration]
	Bytes    Value[int64] // brake, per hour and location
	Packages Value[int]
	Rules    []*Rule
}

// Rule is an entry of `retention.locations`.
type Rule struct {
	Place    string // the key: a location or a set
	At       diag.Place
	When     Text       // `delete_when`
	Above    Value[int] // pressure, percent
	Until    Value[int]
	Pressure diag.Place // of the block; Line 0 if there is none
}
