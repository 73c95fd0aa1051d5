package opsdb

import "time"

// CauseTime is the cause that packages wait for while the time is suspect.
const CauseTime = "time"

// World is what is true of sites, locations and links now: the part of a
// snapshot that all packages share.
type World struct {
	Epoch    string
	Revision int64
	Now      time.Time // store time
	// Observed is the observed clock: a time that starts at the store's time
	// when OpsDB was made and counts only time the system has seen passing
	// (S7). `age` and `grace` are differences of observed times.
	Observed time.Time
	// TimeSuspect is set while the store's clock has jumped and nobody confirmed it: no condemning, grace stands still.
	TimeSuspect bool
	// Restored is set while OpsDB was put back to an earlier time and no inventory has passed since: nothing is deleted or packed (S8).
	Restored  *Restored
	Sites     map[string]Site
	Locations map[string]Location
	Links     map[string]Link  // by LinkName
	Pauses    map[string]Pause // by Subject
	// Waiting is, per location, the bytes of verified copies there that wait
	// for a next hop, or are under way on it, counted from open moves (`ahead`).
	Waiting map[string]int64
	// Deleted is, per location, what the brake has counted in the last hour.
	Deleted map[string]Spent
	// Condemned is, per location, the bytes condemned and not yet gone (pressure).
	Condemned map[string]int64
}

// Spent is how much a brake has counted.
type Spent struct {
	Bytes    int64
	Packages int
}

// Facts is everything Evaluate reads about one package.
type Facts struct {
	Package  Package
	Copies   []Copy // all that are not deleted, each with its latest receipt
	Tasks    []Task // open ones, and the failed ones that nobody retried
	Requests []StagingRequest
	Holds    []Hold
	Resends  []Resend   // open ones
	Moves    []OpenMove // as last saved; Evaluate keeps their Since and choice
	// Peers are other packages that hold one of the same source files.
	Peers []Peer
	// Unclaimed counts source files of this package which a package stage of
	// another route selects and has not yet packed.
	Unclaimed int
	// Gone counts source files already deleted.
	Gone int
}

// Todo is what there is to be done for facts that have changed or are due.
type Todo struct {
	// World is whole if Dirty has anything. Otherwise its Epoch, Revision, Now, Observed, TimeSuspect and Restored are set.
	World    World
	Unrouted []File      // as of Planning.Unrouted
	Groups   []OpenGroup // as of Planning.DirtyGroups
	Dirty    []Facts     // as of Planning.Dirty
}

// FewFiles is how many files of open groups come with a [Todo] at most.
const FewFiles = 1000

// OpenGroup is an open group with its files, ordered by path; nil if they are
// too many to come along ([FewFiles]).
type OpenGroup struct {
	Group
	Members []File
}

// Peer is what S1f needs to know of another package that holds some of the same source files.
type Peer struct {
	Package ID
	// Willing: the peer's own copy of form Files is condemned and past its grace, or further, or its files are gone.
	Willing bool
	// Grace is what is left of the peer's grace, if that is all it waits for.
	Grace time.Duration
}

// OpenMove is one (stage, from, to) of a package that is not finished: what
// the engine concluded, kept so that Dispatch can order all of them and
// status can show them. Key: (Package, Stage, From, To).
type OpenMove struct {
	Package  ID
	Version  int64 // of the package when it was evaluated
	Route    string
	Stage    string
	Type     string
	From, To string
	Link     string // "" within a site
	Verdict  string // ready, waiting, running, blocked
	Reason   string
	Text     string    // for a person: what would make it move
	Since    time.Time // store time since which Verdict and Reason are so
	Waits    Waits     // since it was last given out
	Class    Class
	Priority int
	Number   int64 // the package's number: age within its route
	MadeAt   time.Time
	Bytes    int64
	// Left: the package has left its source site (may use the reserve).
	Left bool
	// OnWay: To is only on the way to a wanted place (`ahead` applies).
	OnWay       bool
	SourceCopy  ID
	TargetCopy  ID // verify and delete
	Form        Form
	Expect      Digest
	SendSite    string
	ReceiveSite string
}

// Evaluation is what the engine concluded for one package, to be saved at once.
type Evaluation struct {
	Package ID
	Version int64 // refused (and left dirty) if the package has changed since
	Moves   []OpenMove
	// Wanted are the places the package is wanted at or that lie on a chosen
	// way: nothing there is deletable (S1).
	Wanted []string
	// Policies are the deletion rules in force for its copies, per location;
	// Confirm uses them.
	Policies map[string]Policy
	WakeAt   time.Time // zero: never by itself
	Causes   []string  // facts it waits for: "link:ccat>cologne", "location:cologne.lta", "site:cologne", "room:ccat.buffer", "pause:route:raw", "package:<id>", CauseTime
	Condemn  []ID      // copies to condemn
	Press    []Press   // copies to condemn for want of room
	Pardon   []ID      // condemned copies to make present (or staged) again
	Lose     []ID      // copies in a lost site
	Resent   []ID      // orders to send it again that are used up
	Withdraw []ID      // pending tasks that are no longer the first hop
	Events   []Event   // further events; Condemn, Pardon, Lose, Resent and Withdraw write their own
}

// Press asks for a copy to be condemned, though its rule does not say so, if
// there are still more than Until bytes at its location that are not condemned.
type Press struct {
	Copy  ID
	Until int64
}

// Policy is what a deletion of one route must respect (design, section 3 and S1).
type Policy struct {
	Require int           `json:"require"` // archive copies, at least 1
	Fresh   time.Duration `json:"fresh"`
	Grace   time.Duration `json:"grace"`
	Brake   Spent         `json:"brake"` // an hour and location
}

// Grant asks Dispatch for a task: an open move that is ready, with the limits it must respect.
type Grant struct {
	Move OpenMove
	// Slots are the counters to take one from, with their limits: "link:ccat>cologne" → 2.
	Slots map[string]int
	// Room is how many bytes may be used and reserved at To at most; 0: no limit is known.
	Room int64
	// Backfill is how many of those may be back-fill; 0: no limit.
	Backfill int64
	// Path of the copy to be made, relative to To.
	Path string
	// Form of the copy to be made.
	Form Form
	// ClaimBy is how long the task may stay unclaimed.
	ClaimBy time.Duration
	Piece   Piece
	// Batch says which grants are sent together: of the Slots one is taken for all of them.
	Batch ID
}

// Refusal says why Dispatch gave no task for a grant.
type Refusal string

// The refusals. "" is a task.
const (
	Granted     Refusal = ""
	NoRoom      Refusal = "room"
	NoSlot      Refusal = "slot"
	NoBrake     Refusal = "brake"
	StaleFacts  Refusal = "stale"    // the package changed since it was evaluated
	OtherTask   Refusal = "task"     // an open task for (package, destination) exists
	OldRevision Refusal = "revision" // another revision is active
	GateShut    Refusal = "gate"     // a deletion the gate does not allow
)

// Dispatched is the verdict of Dispatch for one grant.
type Dispatched struct {
	Refusal Refusal
	Task    Task // when granted
	Text    string
}

// Mirror is what a revision says of places; the store keeps rows of them.
type Mirror struct {
	Sites     []Site
	Locations []Location
	Links     []Link
	// Stages are "route/stage/location" of every package stage, with what it
	// selects there: when they change, files are routed anew.
	Stages []string
}
