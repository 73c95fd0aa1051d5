package opsdb

import "time"

// SegmentSize is how many bytes of a package one segment digest covers; the last segment may be shorter.
const SegmentSize = 64 << 20

// Package is an immutable tar of files with a manifest.
type Package struct {
	ID          ID
	Route       string
	Stage       string // the package stage that made it
	Number      int64  // counts up per route, from 1
	Name        string // <route>-<observation>-<module>-<number>-<last 8 of ID>; [a-z0-9.-] only
	Dir         string // where it lies in a location: "<route>/<observation>", engine-made; the tar is Dir/Name.tar
	Group       ID
	Source      string // source location of its files
	Destination string // where the package stage packs it
	Files       int    // members
	Bytes       int64  // sum of the members' sizes
	Size        int64  // bytes of the tar; an upper estimate until Digest is born
	Digest      Digest // of the tar; empty until packed. Born once (S4).
	Segments    []Digest
	Manifest    Digest // of manifest-sha256.txt
	Instrument  string
	Observation string
	Module      string
	Program     string
	Tags        []string
	ObservedAt  time.Time // earliest member's modification time
	MadeAt      time.Time // store time at which its members were frozen
	MadeAge     time.Time // the same on the observed clock (see World.Observed)
	Version     int64     // raised by every change of a fact about it
	Evaluated   int64     // the version last evaluated; dirty when smaller than Version
	WakeAt      time.Time // zero: nothing changes by itself
	Quarantined string    // reason, if the package as a whole must not be used or deleted (S1f)
}

// Packed reports whether the digest is born.
func (p Package) Packed() bool { return p.Digest != "" }

// Superseded reports whether no file is left of the package: all of them changed
// or vanished before it was packed, and what is still there goes in others. Nothing is ever done with it.
func (p Package) Superseded() bool { return p.Quarantined != "" && p.Files == 0 && !p.Packed() }

// Member is a file in a package. Frozen before the tar begins; Offset and
// Digest are born while it is written.
type Member struct {
	Package  ID
	File     ID
	Path     string // true path in the source location: any bytes
	Name     string // name in the bag below its top folder, "data/…"
	Offset   int64  // of the content in the tar, bytes
	Size     int64
	ModTime  time.Time // nanoseconds kept
	Identity string    // as filed: "dev:ino"
	Digest   Digest
	// Announced is the digest that the instrument announced; empty if it announced none.
	Announced Digest
}

// CopyState is the state of a copy or of a source file.
type CopyState string

// The copy states. Verified means present or staged, with a receipt.
const (
	Expected           CopyState = "expected"           // a task will bring it; takes room, counts for nothing
	Arrived            CopyState = "arrived"            // the bytes are there, nobody has read them back
	Present            CopyState = "present"            // read back and right
	Staged             CopyState = "staged"             // unpacked at a processing location, every file checked
	DeletionPossible   CopyState = "deletion_possible"  // condemned, in its grace
	DeletionScheduled  CopyState = "deletion_scheduled" // a delete task exists
	DeletionInProgress CopyState = "deletion_in_progress"
	Deleted            CopyState = "deleted"
	DeletionFailed     CopyState = "deletion_failed"
	Quarantined        CopyState = "quarantined"
	Lost               CopyState = "lost"
)

// Form is what a copy looks like at its location.
type Form string

// The forms.
const (
	Tar   Form = "tar"   // one file or object, <dir>/<name>.tar
	Files Form = "files" // the source files of the package, in a source location
	Tree  Form = "tree"  // unpacked, in a processing location
)

// Copy is one package at one location. There is at most one live copy of a
// package at a location: live is any state but deleted, quarantined and lost.
// The files of a package at its source are a copy of form [Files], made
// together with the package; it speaks for all of them (S1f).
type Copy struct {
	ID         ID
	Package    ID
	Location   string
	Form       Form
	Path       string // own path, relative to the location; "" for Files
	State      CopyState
	Size       int64
	Identity   string    // inode or ETag as last read
	VerifiedAt time.Time // store time of its last good receipt; zero: none
	// VerifiedAge is the observed time at which it was first verified here;
	// for Files, when the package was made. `age` in retention counts from it.
	VerifiedAge time.Time
	// CondemnedAge is the observed time at which it was condemned; zero: not condemned.
	CondemnedAge time.Time
	Receipt      *Receipt  // the latest one, good or bad
	Sidecar      bool      // archive copies: the sidecar lies beside it
	Reason       string    // why quarantined, lost or failed
	Before       CopyState // the state before it was quarantined or lost
	Backfill     bool
	VerifyAsked  time.Time // a person asked for a re-read then (store time); zero: nobody, or done since
}

// Live reports whether the copy occupies its place.
func (c Copy) Live() bool {
	return c.State != Deleted && c.State != Quarantined && c.State != Lost
}

// Verified reports whether the copy is whole, was read back, and is not about to go.
func (c Copy) Verified() bool {
	return (c.State == Present || c.State == Staged || c.State == DeletionPossible) && (c.Form == Files || !c.VerifiedAt.IsZero())
}

// Medium is from where a reading took the bytes.
type Medium string

// The media.
const (
	FromMedium Medium = "medium" // the page cache was dropped first
	FromCache  Medium = "cache"
	FromRemote Medium = "remote" // an object store's answer
)

// Receipt is a signed-off reading: this digest and size were read back from
// that copy at that time by that worker. Append-only; a bad reading is a
// receipt too.
type Receipt struct {
	ID       ID        `json:"id"`
	Package  ID        `json:"package"`
	Location string    `json:"location"`
	Path     string    `json:"path"`
	Digest   Digest    `json:"digest"`
	Size     int64     `json:"size"`
	At       time.Time `json:"at"` // store time at which it was read, and at the latest recorded; zero when handed in: just now
	Worker   string    `json:"worker"`
	Task     ID        `json:"task"`
	Token    int64     `json:"token"`
	Medium   Medium    `json:"medium"`
	Version  int       `json:"version"` // format version, 1
}

// ReadAt is when a receipt that is recorded now was read: a result may have waited for OpsDB for
// days, and does not become younger by that. It is never later than now (S7).
func (r *Receipt) ReadAt(now time.Time) time.Time {
	if r.At.IsZero() || r.At.After(now) {
		return now
	}
	return r.At
}

// Speaks reports whether the receipt says that p is whole there, not from the future and not older than fresh (0: any age).
func (r *Receipt) Speaks(p Package, now time.Time, fresh time.Duration) bool {
	if r == nil || r.Digest == "" || r.Digest != p.Digest || r.Size != p.Size || r.At.After(now) {
		return false
	}
	return fresh == 0 || now.Sub(r.At) <= fresh
}
