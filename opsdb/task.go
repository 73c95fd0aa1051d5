package opsdb

import (
	"slices"
	"strings"
	"time"
)

// TaskState is the state of a task.
type TaskState string

// The task states. Pending, scheduled and in_progress are open.
const (
	TaskPending    TaskState = "pending"     // backing off: NextTry says until when
	TaskScheduled  TaskState = "scheduled"   // dispatched; LeaseUntil is the claim deadline
	TaskInProgress TaskState = "in_progress" // claimed; LeaseUntil is the lease
	TaskCompleted  TaskState = "completed"
	TaskFailed     TaskState = "failed"    // needs a person: `dtctl retry`
	TaskWithdrawn  TaskState = "withdrawn" // no longer the first hop, never claimed, or retried by a person
)

// Open reports whether a task in this state holds its place.
func (s TaskState) Open() bool {
	return s == TaskPending || s == TaskScheduled || s == TaskInProgress
}

// Piece is which part of a task is to be done now. Only what crosses a link
// has two: send at the link's driver, then receive at the destination.
type Piece string

// The pieces.
const (
	Whole   Piece = "whole"
	Send    Piece = "send"
	Receive Piece = "receive"
)

// Class is the order of dispatch, best first.
type Class string

// The classes.
const (
	Fresh    Class = "fresh"
	Repair   Class = "repair"
	Request  Class = "request"
	Backfill Class = "backfill"
)

// Classes lists the classes in the order of dispatch.
func Classes() []Class { return []Class{Fresh, Repair, Request, Backfill} }

// Rank is the place of a class in that order; one that is none of them comes last.
func (c Class) Rank() int {
	if i := slices.Index(Classes(), c); i >= 0 {
		return i
	}
	return len(Classes())
}

// FailureClass says what kind of failure it was and so what follows.
type FailureClass string

// The failure classes (design, section 6).
const (
	Transient   FailureClass = "transient"   // backoff with jitter
	Environment FailureClass = "environment" // disk full, link down: costs no attempts
	BadData     FailureClass = "data"        // mismatch
	BadConfig   FailureClass = "config"      // blocked, tell a person
	Permanent   FailureClass = "permanent"   // blocked, tell a person
)

// Failure is how an attempt ended badly.
type Failure struct {
	Class FailureClass
	// Subject is the location ("location:cologne.lta") or link ("link:ccat>cologne")
	// that an environment failure is about; empty otherwise.
	Subject string
	Reason  string // one word for [Down].Reason: "full", "read_only", "offline", "refused", …
	Text    string
	At      time.Time
}

// Said is what an error says, for [Failure].Text: one line, and what several errors say alike is said once.
func Said(err error) string {
	var said []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" && !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, line) }) {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}

// Task is one stage to be done for one package at one destination. There is
// at most one open task per (Package, Destination).
type Task struct {
	ID          ID
	Route       string
	Stage       string
	Type        string // stage type: package, transfer, archive, stage, verify, delete
	Package     ID
	From        string // location read; for delete and verify equal to To
	To          string // destination location
	Destination string // To; a task of type verify or delete also holds its place
	Link        string // "from>to", empty within a site
	SendSite    string // where send (or whole) runs
	ReceiveSite string // where receive runs
	Piece       Piece
	State       TaskState
	Class       Class
	Priority    int
	Bytes       int64
	Revision    int64
	Epoch       string // OpsDB's epoch
	Token       int64  // raised by every claim and by nothing else
	LeaseUntil  time.Time
	Worker      string
	Phase       string
	Done, Total int64 // bytes of the phase
	Attempts    int   // attempts that count
	NextTry     time.Time
	Failure     *Failure // of the last attempt
	SourceCopy  ID
	TargetCopy  ID     // the copy it makes, checks or removes
	Path        string // path of TargetCopy
	Expect      Digest // verify, delete: what the copy must be
	Waits       Waits  // before the present attempt
	Batch       ID     // of the tasks it is, or was, sent together with; empty: alone
	CreatedAt   time.Time
	UpdatedAt   time.Time
	EndedAt     time.Time
}

// Site is where the present piece of the task must run.
func (t Task) Site() string {
	if t.Piece == Receive {
		return t.ReceiveSite
	}
	return t.SendSite
}

// Under are the subjects whose pause keeps the task from beginning.
func (t Task) Under() []string {
	out := []string{"route:" + t.Route, "stage:" + t.Route + "/" + t.Stage}
	for _, at := range []string{t.From, t.To} {
		out = append(out, "location:"+at, "site:"+SiteOf(at))
	}
	if t.Link != "" {
		out = append(out, "link:"+t.Link)
	}
	return out
}

// Begun reports whether a worker has begun with the task: it has a lease, had one, or did its first piece.
func (t Task) Begun() bool { return t.Worker != "" || t.Piece == Receive }

// KeptBack are the tasks that a pause of a subject keeps from beginning: nobody may claim them, so what
// brought them to their sites is lost, and they are better given out anew than waited for.
func KeptBack(scheduled []Task, subject string) []Task {
	return slices.DeleteFunc(slices.Clone(scheduled), func(t Task) bool {
		return t.State != TaskScheduled || t.Begun() || !slices.Contains(t.Under(), subject)
	})
}

// Assignment is a claimed task with what its run needs; members are streamed
// separately, because a package may have a million of them.
type Assignment struct {
	Task    Task
	Package Package
	Source  *Copy // what is read; nil if nothing is
	Target  *Copy // what is made, checked or removed
	// FromType and ToType are the types of the task's places, as mirrored: in an archive nothing is moved or removed (S3).
	FromType, ToType LocationType
	// Receipts known for the package, for the sidecar of an archive copy.
	Receipts []Receipt
	// Peers are the other packages that hold the same source files (delete of form Files).
	Peers []ID
	// Earlier are deletions of the same copy that were confirmed and ended without removing it: what they
	// could not put back lies in .trash (delete).
	Earlier []ID
}

// Outcome is what a good end of a piece established. Every field is a fact;
// zero fields say nothing.
type Outcome struct {
	// Next is the piece to be done next; empty: the task is completed.
	Next Piece
	// Packed is born by a package task. Its members went through RecordMembers before.
	Packed *Packed
	// Changed are members that were found changed, vanished or irregular before
	// the digest was born; they leave the package, which is packed again
	// without them. Each goes with a reason for people.
	Changed []ChangedMember
	// Unlike are members that were read twice with another digest than their instrument
	// announced; they are packed as they are, and a person is told.
	Unlike []ChangedMember `json:",omitempty"`
	// Target is what now stands at the destination.
	Target *CopyFact
	// Corrupt says which copy was read and found wrong (the target of verify,
	// the source of anything else); it is quarantined. If another task spoke of it first
	// and this one moved it, it is quarantined where it lies now; else nothing changes.
	Corrupt *Corrupt
	// Removed are source files (delete of Files) that are gone now, but for those that went through RecordRemoved before.
	Removed []ID
	// Kept are source files that differ from their member's digest: the
	// package is quarantined and a person is told (S1f).
	Kept []ChangedMember
	// Receipts are readings made on the way.
	Receipts []Receipt
	// Sent is what the attempt brought over its link, however it ended.
	Sent *Sent `json:",omitempty"`
}

// Sent is what one attempt brought over a link, as far as the transport saw it.
type Sent struct {
	Link    string `json:"link"`
	Bytes   int64  `json:"bytes"`             // that crossed the link
	Kept    int64  `json:"kept,omitempty"`    // of earlier attempts, re-read at the destination: they did not cross again
	Arrived bool   `json:"arrived,omitempty"` // all bytes are there; if not, Bytes are what a fault cost
}

// Packed are the digests of a finished tar.
type Packed struct {
	Size     int64
	Digest   Digest
	Segments []Digest
	Manifest Digest
}

// CopyFact is the state of the target copy after the piece.
type CopyFact struct {
	State    CopyState // arrived, present, staged, deleted
	Path     string
	Size     int64
	Identity string
	Sidecar  bool
}

// Corrupt is a copy that was read and is not what was recorded.
type Corrupt struct {
	Copy    ID
	Reason  string
	MovedTo string // its path in .quarantine/, if it was moved
	Lost    bool   // it is not there at all
}

// ChangedMember is a member whose source file is no longer what was frozen.
type ChangedMember struct {
	File   ID
	Reason string
	// Gone: the file vanished or is no regular file any more; otherwise it is
	// filed anew with Size, ModTime and Identity.
	Gone     bool
	Size     int64
	ModTime  time.Time
	Identity string
}
