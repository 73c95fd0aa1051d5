package opsdb

import "time"

// File is one raw data file of an instrument at its source location. Path is
// relative to the location and may hold any bytes; show it with [ShowPath].
type File struct {
	ID          ID
	Location    string
	Path        string
	Size        int64     // bytes
	ModTime     time.Time // with nanoseconds, as the file system has it
	Identity    string    // device and inode, as "dev:ino"
	Digest      Digest    // as announced by the instrument; empty if it announced none
	Instrument  string
	Observation string
	Module      string
	Program     string
	Tags        []string
	State       CopyState // present, deletion_*, deleted, lost, quarantined
	FiledAt     time.Time // store time
	Version     int64     // raised when the content changed before it was packed
}

// Skip is something found in a source location that cannot be taken.
type Skip struct {
	Location string
	Path     string
	Reason   string // "not a regular file: fifo", …
	At       time.Time
}

// Group is the open or closed set of files that one package stage puts
// together. A group never spans two locations.
type Group struct {
	ID          ID
	Route       string
	Stage       string
	Location    string
	Key         string // canonical JSON of the group_by values
	Instrument  string
	Observation string
	Module      string
	Program     string
	Tags        []string
	Files       int
	Bytes       int64
	First       time.Time // observed time of the first file
	Last        time.Time // observed time of the last file
	Finished    bool      // the observation is finished
	Closed      bool
	Version     int64 // raised by every change of its facts
	Evaluated   int64 // the version last evaluated; dirty when smaller than Version
	WakeAt      time.Time
}

// Routing says which group of a package stage a file belongs to. An empty
// Route says that no route selects it: it is shown as unrouted.
type Routing struct {
	File  ID
	Route string
	Stage string
	Key   string
	Group Group // the values for a new open group of that key
}

// ShowPath is a path for people: bytes that are not printable UTF-8, and '%',
// are percent-escaped, so that what is shown is unambiguous.
func ShowPath(path string) string { return escapePath(path) }
