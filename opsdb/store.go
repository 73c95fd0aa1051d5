package opsdb

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Errors a caller branches on. Stores wrap them.
var (
	ErrNotFound  = errors.New("not found")
	ErrStale     = errors.New("the token is not the present one") // another attempt owns the task
	ErrNotClaim  = errors.New("the task cannot be claimed")       // claimed by another, ended, or not scheduled
	ErrChanged   = errors.New("the facts have changed since they were read")
	ErrInUse     = errors.New("still referenced")
	ErrConflict  = errors.New("another content is known under this name") // A2
	ErrInvariant = errors.New("invariant broken")                         // never expected; S12 and friends
	ErrNewer     = errors.New("the database is newer than this program")
	ErrOlder     = errors.New("the database is older than this program")
	ErrLocked    = errors.New("another process serves this database")
	ErrAway      = errors.New("the database is away") // for now: the same may do well later
)

// Store is the whole port. Every method is one transaction (or a read of one
// snapshot): on error nothing of it has happened. Methods may be called from
// several goroutines and processes. Unless a comment says otherwise, calling
// one twice with the same input is harmless. On cancel nothing is written.
//
// Every change of a fact about a package raises Package.Version (and a
// group's, Group.Version) in the same transaction: that is what makes it
// dirty. Every audit event is written in the transaction of its fact.
type Store interface {
	Filing
	Planning
	Working
	Operating
	Reading
	Restoring
	// Now is the store's time: the database's clock, or the virtual one.
	Now(ctx context.Context) (time.Time, error)
	// Changed returns a channel that gets a value (at most one waits) after
	// facts may have changed in this or another process. Of what an engine itself
	// concludes (Route, KeepGroup, CloseGroup, Save, Waiting, Dispatch) nobody is told:
	// who calls these looks again.
	Changed() <-chan struct{}
	Close() error
}

// Filing is how files become known.
type Filing interface {
	// FileFiles registers files by (Location, Path). A file that is known with
	// the same size and modification time is left alone. A known file that is
	// not packed yet and has another size or time is changed in place (Version
	// raised, its group dirty). A packed one with another content is refused in
	// the result (ErrConflict) and an event says so once. ID, FiledAt and State are
	// given by the store if empty. The result has one error per file, nil where it is filed.
	FileFiles(ctx context.Context, files []File) (filed int, results []error, err error)
	// Skip records what cannot be taken; known skips are left alone.
	Skip(ctx context.Context, skips []Skip) error
	// Missing records that files which are not deleted are no longer there: an
	// unpacked one is lost (and leaves its group); a packed one's package is marked dirty and its
	// Files copy loses it. A file whose Files copy there is deletion_in_progress is left alone: the
	// deletion itself tells what it removed. One whose deletion was confirmed and taken back is deleted, not lost.
	Missing(ctx context.Context, location string, files []ID) error
	// KnownFiles streams the files of a location that are not deleted, ordered by path.
	KnownFiles(ctx context.Context, location string) iter.Seq2[File, error]
	// FinishObservation marks the observation (of a location's instrument; "" for any) finished.
	FinishObservation(ctx context.Context, instrument, observation string) error
}

// Planning is what the engine needs.
type Planning interface {
	// Activate appends a revision (unless its digest is the active one), mirrors
	// its places, makes every package and group dirty and, if the package stages changed, every
	// present file unrouted. It fails with ErrInUse, naming them, if a place that
	// holds live copies or files, or has open tasks, is no longer in the mirror or has another type there.
	// Copies that were lost with a site which is lost no longer stand again (event copy.found): a tar or tree as
	// one that speaks for nothing before it was read again, which is asked for at once.
	Activate(ctx context.Context, rev Revision, m Mirror) (Revision, error)
	// ActiveRevision returns the newest revision, or ErrNotFound.
	ActiveRevision(ctx context.Context) (Revision, error)
	World(ctx context.Context) (World, error)
	// Tick tells how much monotonic time has passed since the caller's last
	// Tick (0 at its first). The observed clock advances by the smaller of that
	// and what the store's clock says; if the two differ by more than five
	// minutes the time becomes suspect (S7). One quiet hour (or ConfirmTime) ends
	// that and wakes what waits for CauseTime.
	// With virtual true, the two are taken to agree.
	Tick(ctx context.Context, passed time.Duration, virtual bool) error

	// Todo is what a pass of an engine begins with, in one snapshot and at the store's time: at most limit of each.
	Todo(ctx context.Context, limit int) (Todo, error)
	// Unrouted returns present files that were not routed under the active revision.
	Unrouted(ctx context.Context, limit int) ([]File, error)
	// Route puts files into open groups (made as needed). A file that is in a
	// group or package of the same (route, stage) already stays there. Files without any Routing row in
	// the call keep none and are shown as unrouted; `files` lists all that were looked at.
	Route(ctx context.Context, files []ID, routings []Routing) error
	// DirtyGroups returns open groups that are dirty or due at now.
	DirtyGroups(ctx context.Context, now time.Time, limit int) ([]Group, error)
	// GroupFiles returns the files of an open group, ordered by path.
	GroupFiles(ctx context.Context, group ID) ([]File, error)
	// StreamGroup is GroupFiles for a group of any number of files ([ManyFiles]): they are read while they are looked at.
	StreamGroup(ctx context.Context, group ID) iter.Seq2[File, error]
	// KeepGroup records that an open group was evaluated at version and need not be looked at before wake (zero: until it changes).
	KeepGroup(ctx context.Context, group ID, version int64, wake time.Time, reason string) error
	// CloseGroup closes a group at version and makes its packages with their
	// frozen members, numbers and Files copies. ErrChanged if the group is no longer at version, or if
	// in a [Span] there are not the files that were counted.
	CloseGroup(ctx context.Context, group ID, version, revision int64, packages []NewPackage) ([]Package, error)

	// Dirty returns facts of packages that are dirty or due at now, in a
	// constant number of queries: requests and repairs first, then oldest first.
	Dirty(ctx context.Context, now time.Time, limit int) ([]Facts, error)
	// Facts returns the facts of the given packages, in a constant number of queries.
	Facts(ctx context.Context, ids []ID) ([]Facts, error)
	// Save writes evaluations made under revision. Those whose package changed
	// since are left out (and stay dirty); their IDs are returned. OldRevision: all are left out.
	Save(ctx context.Context, revision int64, evals []Evaluation) (left []ID, err error)
	// Press holds marks against what is used and not condemned at their locations (World's Used less Condemned):
	// above Above pressure begins, at Until more need not be condemned, and once so little is used it is over.
	// Where more must be condemned, and every copy the pressure covers has been evaluated, it covers the next oldest
	// present or staged ones, as many bytes as are too many, and their packages become dirty. It returns how many did.
	// A location without a mark is under no pressure.
	Press(ctx context.Context, marks []Mark) (touched int, err error)
	// Ready returns open moves with verdict ready or refused by Dispatch, in the order of class, priority,
	// MadeAt, Number, Package: at most limit of each lane (route, stage, to, link and class), so that what is
	// stuck in one hides nothing in another, and for each destination the lowest-numbered one that has left
	// its source site, wherever it stands (0: all).
	Ready(ctx context.Context, limit int) ([]OpenMove, error)
	// Queue is Ready and the World that goes with it, in one snapshot. Without a move the World is zero.
	Queue(ctx context.Context, limit int) ([]OpenMove, World, error)
	// Dispatch makes tasks of grants, one by one in their order, each only if
	// the package is still at the evaluated version, the revision is active, no
	// open task holds (package, destination), and slots and room can be taken.
	// A transfer-like task makes its target copy (Expected). For a deletion it
	// runs [Deletable] and the brake, and writes nothing if that objects. The
	// package's facts change, so a second grant for it in the same call is decided on a re-evaluation:
	// StaleFacts, except that moves of one package to different destinations may be granted together.
	Dispatch(ctx context.Context, revision int64, grants []Grant) ([]Dispatched, error)
	// Waiting records, for open moves that got no task, the refusal as their reason (verdict waiting).
	// They stay in Ready's order.
	Waiting(ctx context.Context, moves []OpenMove) error
	// Expire withdraws scheduled tasks whose claim deadline has passed (freeing slots and room); one that was begun before
	// becomes pending instead, to be tried again as itself, so that what its attempts left is found. It
	// makes in-progress tasks with an expired lease claimable again (state scheduled, same token),
	// and makes pending tasks whose NextTry has come dirty. Sites that lost their last worker are noticed:
	// packages with a move from or to them become dirty. A breaker whose pause is over becomes half open: one package that
	// waits for it, another than the one that failed if there is one, becomes its probe and dirty; a probe that has no open
	// task there by then hands over to the next. It returns tasks to be brought to their sites again.
	Expire(ctx context.Context, now time.Time, claimBy time.Duration) ([]Task, error)
	// Unclaimed returns all scheduled tasks: for rebuilding an in-process queue.
	Unclaimed(ctx context.Context) ([]Task, error)
	// RevokeLeases makes every in-progress task claimable again at once (embedded start, under the serve lock).
	RevokeLeases(ctx context.Context) error
	// NextWake is the earliest time at which a package, group, claim, lease or retry is due, or may be: after an
	// Expire that found nothing then it is later; zero if none.
	NextWake(ctx context.Context) (time.Time, error)
	// Wake marks dirty what waits for the given causes, at most limit packages each (0: all).
	Wake(ctx context.Context, causes []string, limit int) error
	// Chain gives sequence numbers and hashes to events not chained yet and returns how many.
	Chain(ctx context.Context) (int, error)
	// Lives says when packages came, were made and were archived, in the order of their IDs; those it does not know are left out.
	Lives(ctx context.Context, ids []ID) ([]Life, error)
}

// NewPackage is a package about to be frozen. The store gives Number and Name's number part.
type NewPackage struct {
	Package Package // ID, Route, Stage, Group, Source, Destination, sums, metadata; Name and Number are the store's
	Files   []File  // members, ordered by path
	// Span stands for Files, if it is given: all files of the group within it. Their number and sum and the
	// earliest of their times are those of Package.
	Span *Span
}

// ManyFiles is from how many files on a group is cut into packages by spans of
// paths: nobody holds a list of them.
const ManyFiles = 5000

// Span is the files of a group in a range of paths.
type Span struct {
	After string    // the last path before it; "" if it is the first
	To    string    // its last path
	First time.Time // when the first of them was filed
}

// Working is what a worker needs. Calls with a token fail with ErrStale if the task has another.
type Working interface {
	// Present renews the worker's row. A site that had no worker wakes those who wait for it ("site:cologne");
	// a worker that is new, or takes more than before, is a change.
	Present(ctx context.Context, w Worker) error
	// Absent removes it (graceful stop).
	Absent(ctx context.Context, worker string) error
	// Claim takes a scheduled task before its claim deadline: raises its token, state in_progress, lease until now+lease.
	// ErrNotClaim otherwise, and if it has not begun and something it needs is paused.
	Claim(ctx context.Context, task ID, worker string, lease time.Duration) (*Assignment, error)
	// Fellows lists the tasks of a task's batch that are still to be sent and that nobody has claimed, itself
	// among them if so, in their order; none if it is in no batch.
	Fellows(ctx context.Context, task ID) ([]ID, error)
	// Renew prolongs the lease and records progress.
	Renew(ctx context.Context, task ID, token int64, lease time.Duration, phase string, done, total int64) error
	// Members streams the members of a package, ordered by path.
	Members(ctx context.Context, pkg ID) iter.Seq2[Member, error]
	// RecordMembers stores names, offsets and digests of members of a package that has no digest yet (ErrChanged if it
	// has). Without members it only asks whether the token may.
	RecordMembers(ctx context.Context, task ID, token int64, members []Member) error
	// RecordRemoved records some source files as deleted while their deletion goes on: a package may have a
	// million of them. What is recorded already may be given again. Without a confirmed deletion it is [ErrInvariant].
	RecordRemoved(ctx context.Context, task ID, token int64, files []ID) error
	// RecordReceipts stores readings, whatever the token. One that was read before the latest known one of its copy
	// is kept and changes nothing else. At is what the worker says, never later than now; zero: now.
	RecordReceipts(ctx context.Context, receipts []Receipt) error
	// Confirm asks the gate once more, under a lock on the package (and its
	// peers): on yes the target copy is deletion_in_progress and the event with its proof is
	// committed. On no, the error is an *Objection; the task is withdrawn and the
	// copy pardoned, unless this token was told yes before: then Objection.Again is
	// set and nothing is written, so that what the attempt holds is put back first.
	// May be asked again by the same token (after the rename, before the unlink).
	Confirm(ctx context.Context, task ID, token int64) (DeletionProof, error)
	// Finish ends the piece well and records its facts. With Outcome.Next set the task is scheduled for
	// that piece (link slots are freed, those of a batch when the last of it has ended its send, its site's slot goes over to the piece's site, room stays) and returned; else it is completed,
	// its slots and room freed. It closes the breakers of what it used, but for a location that a worker reports as down.
	Finish(ctx context.Context, task ID, token int64, out Outcome) (Task, error)
	// Fail ends the attempt badly: by class it becomes pending with NextTry, or failed. Receipts in out are kept.
	// An environment failure counts for the breaker of its subject, which opens after [BreakerFailures] in a row (at once
	// if it is [Failure.Plain] or its probe failed); it costs an attempt if another task succeeded there since this task failed there before.
	Fail(ctx context.Context, task ID, token int64, f Failure, next time.Time, counts bool, out Outcome) error
	// Later puts the task back to pending until next, costing no attempt.
	Later(ctx context.Context, task ID, token int64, next time.Time, reason string) error
	// Report records what a worker sees of a location; a change wakes those who wait for it.
	Report(ctx context.Context, r LocationReport) error
}

// LocationReport is what a worker sees of a location now.
type LocationReport struct {
	Location string
	Free     int64
	Total    int64
	Down     *Down // nil: it can be used
}

// Operating is what people do. Who is the person, why their reason.
type Operating interface {
	// AddMarker records the identity that init-location wrote into a root. The
	// location may come with a revision that is not active yet.
	AddMarker(ctx context.Context, location string, marker ID, who string) error
	// Marker is the identity of a location that AddMarker recorded last, in force or not; "" if it never did.
	Marker(ctx context.Context, location string) (ID, error)
	Hold(ctx context.Context, h Hold) (Hold, error)
	Unhold(ctx context.Context, hold ID, who, why string) error
	// Lift ends the quarantine of a package and asks for its copies to be re-read; its source files are compared
	// again before one is deleted, and one that differs puts it back. ErrNotFound if it is in none;
	// ErrInvariant if no file is left of it: there is nothing to go on with.
	Lift(ctx context.Context, pkg ID, who, why string) error
	// Request opens a staging request; an open one for the same package and location is returned as it is.
	Request(ctx context.Context, r StagingRequest) (StagingRequest, error)
	Release(ctx context.Context, request ID, who string) error
	// Resend lets a package leave its site again for Site, once, although another site has it; an open order for
	// the same package and site is returned as it is. It ends when it is used up ([Evaluation].Resent), or by Unsend.
	Resend(ctx context.Context, r Resend) (Resend, error)
	// Unsend takes an order to send again back. ErrNotFound if it is not open.
	Unsend(ctx context.Context, resend ID, who, why string) error
	// Pause keeps what has to do with a subject from beginning. What was given to a site and has not begun
	// ([KeptBack]) is withdrawn by the next Expire, so that it holds no slot and no room, and is given out anew
	// when the pause is over, however soon that is.
	Pause(ctx context.Context, p Pause) error
	// Resume lifts a pause and wakes who waits for it. What was given out meanwhile and refused is withdrawn, too.
	Resume(ctx context.Context, subject, who string) error
	// Retry withdraws a failed (or pending) task and lets the package be evaluated anew.
	Retry(ctx context.Context, task ID, who, why string) error
	// WantVerify makes a re-read of the copies of a package wanted now ("" location: all of them).
	WantVerify(ctx context.Context, pkg ID, location, who string) error
	ConfirmTime(ctx context.Context, who string) error
}

// Reading is what status, why and the checker read.
type Reading interface {
	// FindPackage takes an ID, a short id, a name or a number "route/12". ErrNotFound or an error listing the candidates.
	FindPackage(ctx context.Context, what string) (Package, error)
	// FindFile takes an ID or a path as shown (with or without "site.location:" before it).
	FindFile(ctx context.Context, what string) (File, error)
	Packages(ctx context.Context, q Query) ([]Facts, error)
	Files(ctx context.Context, q Query) ([]File, error)
	// FileHome says in which groups and packages a file is.
	FileHome(ctx context.Context, file ID) ([]Group, []Package, error)
	Skips(ctx context.Context, location string) ([]Skip, error)
	Tasks(ctx context.Context, q Query) ([]Task, error)
	Task(ctx context.Context, id ID) (Task, error)
	Workers(ctx context.Context) ([]Worker, error)
	OpenMoves(ctx context.Context, q Query) ([]OpenMove, error)
	// Totals are the sums for S12 and status.
	Totals(ctx context.Context) (Totals, error)
	// Events streams events in the order of Seq, unchained ones last by time.
	Events(ctx context.Context, after int64) iter.Seq2[Event, error]
	// VerifyChain recomputes the hash chain.
	VerifyChain(ctx context.Context) (Chained, error)
}

// Query selects rows; zero fields do not restrict.
type Query struct {
	Route    string
	Location string
	Package  ID
	State    string // package: open, done, quarantined; task, file: their states; "unrouted" for files
	After    ID     // paging: rows after this ID
	Limit    int    // 0: 1,000
}

// Totals are sums over known states: nothing is ever "unknown" (S12).
type Totals struct {
	Files         map[string]map[CopyState]Sum // by source location and state
	Unrouted      Sum
	Grouped       Sum                          // in open groups
	Packages      map[string]int               // by "packing", "moving", "archived", "blocked", "superseded"
	Copies        map[string]map[CopyState]Sum // by location and state
	Tasks         map[TaskState]int
	Moves         map[string]map[string]int // verdict → reason → count
	OldestPending time.Time                 // filing time of the oldest file not in every archive; zero: none
	// Unverified is when, at each archive location that has copies, the one was read back that waits longest for the next time.
	Unverified map[string]time.Time
	Dirty      int // packages that wait to be evaluated
	Unchained  int // events that are not in the chain yet
}

// Sum counts things and their bytes.
type Sum struct {
	Count int
	Bytes int64
}
