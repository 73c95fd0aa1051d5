package engine

import "github.com/ccatobs/cdt/opsdb"

// Verdict is what the engine concluded for one move of one package.
type Verdict string

// The verdicts. Waiting heals by itself, Blocked needs a person.
const (
	Satisfied Verdict = "satisfied"
	Skipped   Verdict = "skipped"
	Unwanted  Verdict = "unwanted"
	Waiting   Verdict = "waiting"
	Ready     Verdict = "ready"
	Running   Verdict = "running"
	Blocked   Verdict = "blocked"
)

// Reason is why a verdict is what it is: one word from a closed list, the
// same in the UI, in `dtctl why`, in the logs and in tests.
type Reason string

// The reasons, in the order of the gates at which they arise.
const (
	HaveCopy        Reason = "have_copy"
	FreshReceipt    Reason = "fresh_receipt"
	WhenFalse       Reason = "when_false"
	NotRequested    Reason = "not_requested"
	KeepRule        Reason = "keep_rule"
	NoRule          Reason = "no_rule"
	KeptArchive     Reason = "archive"
	NotWanted       Reason = "not_wanted"
	StillWanted     Reason = "still_wanted"
	SitePlanned     Reason = "site_planned"
	SiteLost        Reason = "site_lost"
	AnotherWay      Reason = "another_way"
	LeftOut         Reason = "left_out"
	SendOnce        Reason = "send_once"
	EarlierHop      Reason = "earlier_hop"
	SourceComing    Reason = "source_coming"
	BeingDeleted    Reason = "being_deleted"
	OtherTask       Reason = "other_task"
	NoCopy          Reason = "no_copy"
	NoWay           Reason = "no_way"
	NoRoute         Reason = "no_route"
	Superseded      Reason = "superseded"
	NoDriver        Reason = "no_driver"
	TooLarge        Reason = "too_large"
	BadExpression   Reason = "expression"
	NeedsOther      Reason = "needs"
	Held            Reason = "held"
	InQuarantine    Reason = "quarantined"
	Paused          Reason = "paused"
	OutsideWindow   Reason = "window"
	NotTogether     Reason = "batch"
	Backoff         Reason = "backoff"
	Unclaimed       Reason = "unclaimed"
	AttemptsUsed    Reason = "attempts"
	FailedData      Reason = "data"
	FailedConfig    Reason = "config"
	FailedForGood   Reason = "permanent"
	SiteDown        Reason = "site_down"
	LocationDown    Reason = "location_down"
	LocationFull    Reason = "full"
	LinkDown        Reason = "link_down"
	NoRoom          Reason = "room"
	NoSlot          Reason = "slot"
	NoBrake         Reason = "brake"
	NotPacked       Reason = "not_packed"
	RequireArchived Reason = "require_archived"
	StaleReceipt    Reason = "stale_receipt"
	BeingRead       Reason = "being_read"
	PeersUnwilling  Reason = "peers"
	FilesUnclaimed  Reason = "unclaimed_files"
	TimeSuspect     Reason = "time_suspect"
	Restored        Reason = "restored"
	Condemning      Reason = "condemning"
	InGrace         Reason = "grace"
	CanGo           Reason = "ready"
	Dispatched      Reason = opsdb.ForClaim
	Working         Reason = "working"
)

// Meaning says of a reason which verdict it gives, what it means, and what
// would make the move go (or, for a deletion, the copy).
type Meaning struct {
	Reason  Reason  `json:"reason"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`
	Remedy  string  `json:"remedy"`
}

// Verdict is the one verdict a reason can give.
func (r Reason) Verdict() Verdict {
	switch r {
	case HaveCopy, FreshReceipt:
		return Satisfied
	case WhenFalse, NotRequested, KeepRule:
		return Skipped
	case NoRule, KeptArchive, NotWanted, StillWanted, SitePlanned, SiteLost, AnotherWay, LeftOut, SendOnce, Superseded:
		return Unwanted
	case CanGo:
		return Ready
	case Dispatched, Working:
		return Running
	case NoCopy, NoWay, NoRoute, NoDriver, TooLarge, BadExpression, Held, InQuarantine, Paused,
		AttemptsUsed, FailedData, FailedConfig, FailedForGood:
		return Blocked
	}
	return Waiting
}

// Meaning returns what a reason means; the zero Meaning for an unknown one.
func (r Reason) Meaning() Meaning {
	for _, m := range Reasons() {
		if m.Reason == r {
			return m
		}
	}
	return Meaning{}
}
