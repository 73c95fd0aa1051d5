package opsdb

import (
	"strings"
	"time"
)

// LocationType is what a location is for.
type LocationType string

// The location types.
const (
	Source     LocationType = "source"
	Buffer     LocationType = "buffer"
	Archive    LocationType = "long_term_archive"
	Processing LocationType = "processing"
)

// StorageKind is how a location keeps bytes.
type StorageKind string

// The storage kinds.
const (
	Disk StorageKind = "disk"
	S3   StorageKind = "s3"
	Tape StorageKind = "tape"
)

// SiteState is what a person says of a site.
type SiteState string

// The site states.
const (
	SiteActive  SiteState = "active"
	SitePlanned SiteState = "planned" // validated, but nothing is wanted there
	SiteLost    SiteState = "lost"    // its copies count for nothing
)

// SiteOf returns the site of a location written "site.location".
func SiteOf(location string) string {
	site, _, _ := strings.Cut(location, ".")
	return site
}

// LinkName is how a link is written in causes, pauses and slots: "ccat>cologne".
func LinkName(from, to string) string { return from + ">" + to }

// Down is why and since when a site, location or link cannot be used.
type Down struct {
	Reason string // one word: "no_worker", "offline", "foreign", "full", "read_only", "breaker", "refused"
	Text   string // for a person
	Since  time.Time
	// Next is when an open breaker is probed; zero: when a worker reports that it can be used.
	Next time.Time
	// Probe is the package that a half-open breaker lets through; "" while it is open.
	Probe ID
}

// Open reports whether what is down may be used by a package all the same: as its probe.
func (d *Down) Open(pkg ID) bool { return d == nil || pkg != "" && d.Probe == pkg }

// Site is a place with machines, with what is true of it now.
type Site struct {
	Name  string
	Title string
	State SiteState
	Down  *Down // derived: none of its workers renewed its row for [WorkerTTL]
	// Capacity is how many tasks its live workers take in hand at once, together; 0: one of them does not say.
	Capacity int
	InUse    int // tasks dispatched to it and not ended
}

// Location is a storage place with what is true of it now.
type Location struct {
	Name     string // "site.location"
	Type     LocationType
	Storage  StorageKind
	Marker   ID    // identity written by init-location; empty before
	Capacity int64 // bytes, as the route says; 0: not said
	Used     int64 // bytes of copies in states that take room, counted by the store
	Reserved int64 // bytes promised to tasks under way
	Backfill int64 // of Used+Reserved, what is there as back-fill
	Free     int64 // bytes, as last reported by a worker; -1: never reported
	Total    int64 // bytes of the file system as last reported; 0: never reported
	Down     *Down
	Pressure *Pressure // nil: there is none
}

// Pressure is how far deletions are started early at a location, the oldest
// first: all copies up to (Age, Package) may go, and those that are condemned
// stay so until enough is gone.
type Pressure struct {
	Pressing bool      // more must be condemned
	Age      time.Time // observed time at which the copy was verified there
	Package  ID        // of copies verified at Age, those of packages up to this one
}

// Covers reports whether the copy is among the oldest, which may go early.
func (p *Pressure) Covers(c Copy) bool {
	if p == nil {
		return false
	}
	return c.VerifiedAge.Before(p.Age) || c.VerifiedAge.Equal(p.Age) && c.Package <= p.Package
}

// Mark is when pressure begins and ends at a location, in bytes that are used and not condemned.
type Mark struct {
	Location     string
	Above, Until int64
}

// Link is a directed connection with what is true of it now.
type Link struct {
	From, To string // sites
	InUse    int    // slots taken
	Backlog  int64  // bytes of open moves over it, waiting or under way
	Down     *Down
}

// Worker is a process at one or more sites.
type Worker struct {
	ID      string // stable identity, e.g. "host:pid:start"
	Sites   []string
	Version string
	SeenAt  time.Time
	AtOnce  int // tasks it takes in hand at once, at each of its sites; 0: it does not say
	// Protocol it speaks; 0: it does not say.
	Protocol int
}

// How a breaker opens and is probed.
const (
	BreakerFailures = 3                // environment failures in a row that open it
	BreakerPause    = 30 * time.Second // of a location, before the first probe; doubles with every probe that fails
	BreakerLongest  = 10 * time.Minute // pause of a location
	LinkPause       = 5 * time.Second  // of a link: lines come back after seconds, and a probe of one costs next to nothing
	LinkLongest     = time.Minute      // pause of a link
)

// BreakerPauses are the first and the longest pause of a breaker, by the kind of its subject: "link" or "location".
func BreakerPauses(kind string) (first, longest time.Duration) {
	if kind == "link" {
		return LinkPause, LinkLongest
	}
	return BreakerPause, BreakerLongest
}

// Plain reports whether an environment failure of a location leaves nothing to
// doubt: it is down at the first one.
func (f Failure) Plain() bool {
	switch f.Reason {
	case "full", "read_only", "offline", "foreign":
		return true
	}
	return false
}

// WorkerTTL is how long a worker's row speaks for its sites.
const WorkerTTL = 90 * time.Second

// Pause is a person's order that something must not move.
type Pause struct {
	Subject string // "route:raw", "stage:raw/ship", "location:ccat.buffer", "link:ccat>cologne", "site:cologne"
	Who     string
	Why     string
	Since   time.Time
}
