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
}

// Site is a place with machines, with what is true of it now.
type Site struct {
	Name  string
	Title string
	State SiteState
	Down  *Down // derived: none of its workers renewed its row for [WorkerTTL]
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
