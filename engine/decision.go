package engine

import (
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Decision is what the engine concluded for one move of one package.
type Decision struct {
	Route   string    `json:"route"`
	Stage   string    `json:"stage"`
	Type    string    `json:"type"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Link    string    `json:"link,omitempty"`
	Verdict Verdict   `json:"verdict"`
	Reason  Reason    `json:"reason"`
	Text    string    `json:"text,omitempty"`  // what it is about, for a person
	Since   time.Time `json:"since,omitzero"`  // Verdict and Reason are so since then; zero in an explanation: not known
	Next    time.Time `json:"next,omitzero"`   // when it may change by itself
	Gates   []Gate    `json:"gates,omitempty"` // in an explanation: all of them
	Terms   []Term    `json:"terms,omitempty"` // in an explanation: the expression it hangs on
}

// Term is one comparison of an expression with what it looks at now.
type Term struct {
	Text  string `json:"text"`
	Value string `json:"value,omitempty"`
	Holds bool   `json:"holds"`
}

// Gate is one gate on the way of a move. Number and Name are those of the
// design, section 5; Reason is empty while it is open.
type Gate struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
	Open   bool   `json:"open"`
	Reason Reason `json:"reason,omitempty"`
	Text   string `json:"text,omitempty"`
}

// State is the snapshot that Evaluate looks at.
type State struct {
	World opsdb.World
	Facts []opsdb.Facts
}

// Result is what Evaluate concluded for one package: what is to be saved, and
// the decision for every move of its route.
type Result struct {
	opsdb.Evaluation
	Decisions []Decision
}

// The stages that no route writes: deletions are compiled from `retention`,
// and a re-read may be asked for where no verify stage looks.
const (
	DeleteStage = "delete"
	VerifyStage = "verify"
)

// The stage types.
const (
	typePackage  = "package"
	typeTransfer = "transfer"
	typeArchive  = "archive"
	typeStage    = "stage"
	typeVerify   = "verify"
	typeDelete   = "delete"
)

// shut is why a gate is shut; the zero value is an open gate.
type shut struct {
	reason Reason
	text   string
	cause  string    // fact that would wake it
	next   time.Time // time at which it may open by itself
}

func (s shut) open() bool { return s.reason == "" }
