package opsdb

import "time"

// HoldKind says what a hold forbids.
type HoldKind string

// The hold kinds.
const (
	HoldDelete HoldKind = "delete"
	HoldMove   HoldKind = "move"
	HoldAll    HoldKind = "all"
)

// Hold is a person's order that a package must not be deleted, or must not move.
type Hold struct {
	ID       ID
	Package  ID
	Location string // "": everywhere; else only the copy there (which then does not count for S1)
	Kind     HoldKind
	Who, Why string
	At       time.Time
}

// StagingRequest asks for a package at a processing location.
type StagingRequest struct {
	ID         ID
	Package    ID
	Location   string
	Who, Why   string
	At         time.Time
	ReleasedAt time.Time // zero: open
}

// Open reports whether the request still wants the package there.
func (r StagingRequest) Open() bool { return r.ReleasedAt.IsZero() }

// Resend is a person's order that a package may leave its site again for another one, although a site with send_once
// has sent it once and another site has it, or is about to. It is used up when Site has a verified copy.
type Resend struct {
	ID       ID
	Package  ID
	Site     string // where it is to go
	Who, Why string
	At       time.Time
}

// Revision is one validated, numbered version of the routes. Append-only.
type Revision struct {
	Number int64
	Digest Digest
	Text   string // the YAML files as a JSON object, file name → text
	Who    string
	Why    string
	At     time.Time
}

// Event is one line of the audit log: who or what did what to which subject,
// why, and what it was before and after. Written with its fact. Seq and Hash
// are given by the sequencer shortly after commit.
type Event struct {
	ID       ID        `json:"id"`
	Version  int       `json:"version"` // format version, 1
	Seq      int64     `json:"seq,omitempty"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`   // "engine", "worker:<id>", "person:<name>", "filing"
	Kind     string    `json:"kind"`    // see EventKinds
	Subject  string    `json:"subject"` // "package:<id>", "file:<id>", "location:…", "revision:7"
	Package  ID        `json:"package,omitempty"`
	Location string    `json:"location,omitempty"`
	Why      string    `json:"why,omitempty"`
	Revision int64     `json:"revision,omitempty"`
	Before   string    `json:"before,omitempty"` // JSON or one word
	After    string    `json:"after,omitempty"`
	Hash     Digest    `json:"hash,omitempty"` // sha256(hash of Seq-1 ‖ canonical JSON of the event with Seq and without Hash)
}

// The kinds of events.
const (
	EventFiled         = "file.filed"   // Before "", After JSON {location,path(base64),size}
	EventFileChanged   = "file.changed" // a known file has another content
	EventFileSkipped   = "file.skipped"
	EventGroupClosed   = "group.closed"
	EventPackaged      = "package.packed"     // After JSON {digest,size,files,bytes}
	EventSuperseded    = "package.superseded" // no file is left of it; Why
	EventCopySent      = "copy.sent"          // bytes crossed a link; After JSON Sent; Before: the task
	EventCopyArrived   = "copy.arrived"
	EventCopySpoilt    = "copy.spoilt"   // what arrived is not the package; Why. It is sent again
	EventCopyVerified  = "copy.verified" // After JSON Receipt
	EventCopyMismatch  = "copy.mismatch"
	EventQuarantined   = "copy.quarantined"
	EventCopyLost      = "copy.lost"
	EventCopyFound     = "copy.found" // its site is not lost any more
	EventCondemned     = "copy.condemned"
	EventPardoned      = "copy.pardoned"
	EventDeleting      = "copy.deleting" // committed before the act; After JSON DeletionProof
	EventDeleted       = "copy.deleted"
	EventDeletionKept  = "copy.kept" // a deletion was refused right before the act
	EventFileDeleted   = "file.deleted"
	EventFileUnlike    = "file.unlike" // packed with another digest than its instrument announced; a person is told
	EventFileKept      = "file.kept"   // differs from its member; a person is told
	EventTaskFailed    = "task.failed"
	EventTaskRetried   = "task.retried"
	EventTaskWithdrawn = "task.withdrawn"
	EventHeld          = "hold.placed"
	EventUnheld        = "hold.lifted"
	EventLifted        = "quarantine.lifted" // of a package; Before: why it was put there
	EventRequested     = "staging.requested"
	EventReleased      = "staging.released"
	EventResend        = "resend.ordered" // After: the site it may leave for
	EventResendEnded   = "resend.ended"   // Before: the site; by the engine: it is used up
	EventPaused        = "pause.placed"
	EventResumed       = "pause.lifted"
	EventRevision      = "revision.activated"
	EventTimeSuspect   = "time.suspect"
	EventTimeConfirmed = "time.confirmed"
	EventLocationDown  = "location.down"
	EventLocationUp    = "location.up"
	EventBreakerOpened = "breaker.opened" // After: the reason; Why: what failed
	EventBreakerProbed = "breaker.probed" // Package is let through
	EventBreakerClosed = "breaker.closed"
	EventPressure      = "location.pressure" // Before and After: "" or "pressed"
	EventMarker        = "location.marked"
	EventRestored      = "opsdb.restored"     // Before and After: the epochs; Why: how it was noticed
	EventTrusted       = "opsdb.trusted"      // an inventory has passed since
	EventInventory     = "location.inventory" // After JSON {found,lost,unknown}; Why: why unknown objects are accepted
)

// DeletionProof is what an EventDeleting carries: the copies that spoke for it.
type DeletionProof struct {
	Require  int       `json:"require"`
	Fresh    string    `json:"fresh"` // Go duration
	Receipts []Receipt `json:"receipts"`
	Files    int       `json:"files,omitempty"` // source files covered
}

// Chained is what `audit verify` found.
type Chained struct {
	Events   int64  // chained events read
	Tail     int64  // committed but not chained yet
	Broken   int64  // Seq of the first event whose hash does not fit; 0: none
	Text     string // what is wrong there
	LastHash Digest
}
