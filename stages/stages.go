// Package stages is the contract of a stage type: what fields it takes in
// YAML, what phases its run has, and the run itself. The types are in
// stages/builtin, one file each. It imports opsdb (nouns) and nothing else of ours
// but effect and clock.
package stages

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// FieldType is the grammar of a field's value.
type FieldType string

// The field types.
const (
	String     FieldType = "string"
	Bool       FieldType = "bool"
	Int        FieldType = "int"
	Size       FieldType = "size"
	Duration   FieldType = "duration"
	Rate       FieldType = "rate"
	Share      FieldType = "share"
	Window     FieldType = "window"     // cron
	Expression FieldType = "expression" // Kind says which
	Places     FieldType = "places"     // a location, a set, or a list of them
	Names      FieldType = "names"      // a list of words
	Choice     FieldType = "choice"     // Options
	Object     FieldType = "object"     // Fields
)

// Field is one key a stage type takes. From the fields come the schema, the
// reference page, the defaults and the checks: there is no second list.
type Field struct {
	Name     string
	Type     FieldType
	Required bool
	Min      int    // of an Int
	Default  string // as it would be written; "" if none
	Options  []string
	Kind     string // expressions: "when", "priority", "select", "close_when"
	Fields   []Field
	Help     string
	Example  string
	// Later marks what compiles but is not carried out by this version.
	Later bool
	// LaterOptions are those of Options that compile but are not carried out by this version.
	LaterOptions []string
}

// Phase is a part of a run with its own idea of a stall: Still is how long no
// byte may move before the attempt counts as stuck, PerGB is added per GB of the task.
type Phase struct {
	Name  string
	Still time.Duration
	PerGB time.Duration
}

// Spec describes a stage type.
type Spec struct {
	Type   string
	Help   string
	Fields []Field // beside those that every stage has (CommonFields); Takes gives all
	// Compiled: the compiler makes such stages from something else (retention); nobody writes one.
	Compiled bool
	Phases   []Phase
	// Reads and Writes: location types that From and To may be.
	FromTypes, ToTypes []opsdb.LocationType
	// CrossesLinks: moves may go over a link.
	CrossesLinks bool
	// Wants: a move's To is a wanted place by itself (archive, stage).
	Wants bool
}

// Stage is a stage type.
type Stage interface {
	Spec() Spec
	// Run does one piece of one task. It may be called again, here or elsewhere, after any crash; it looks at
	// what earlier attempts left first. It ends in one of four ways: an outcome; an
	// error (retried by policy; see FailureOf); Permanent(err); Later(d, reason).
	// A wrong copy is a fact and goes into the outcome; a broken link is an error.
	Run(ctx context.Context, w Work) (opsdb.Outcome, error)
}

// Batcher is a stage that can do the present piece of several tasks at once,
// which have stage, type, places and piece in common.
type Batcher interface {
	Stage
	// RunBatch is Run for all of them, and says of each how it ended, in their
	// order. One that ends badly fails no other. early may be called for one (by its index) that has ended while
	// others go on, once and before RunBatch returns; what is returned for it then says nothing more.
	RunBatch(ctx context.Context, works []Work, early func(i int, e Ending)) []Ending
}

// Ending is how the run of one task of several ended.
type Ending struct {
	Outcome opsdb.Outcome
	Err     error
}

// Work is what a run is given. Its methods are bound to the claimed token.
type Work interface {
	Assignment() opsdb.Assignment
	// Worker is the identity of the worker, for receipts.
	Worker() string
	// Phase enters a phase of Spec.Phases; total is in bytes, 0 if unknown.
	Phase(name string, total int64)
	// Moved tells that n more bytes of the phase are done: what the watchdog looks
	// at. 0 says that bytes do move which are not those of the phase (re-reading an earlier part).
	Moved(n int64)
	// Members streams the members of the package, ordered by path.
	Members(ctx context.Context) iter.Seq2[opsdb.Member, error]
	// RecordMembers stores what was born of members; without any it only asks whether this attempt still owns the task.
	RecordMembers(ctx context.Context, members []opsdb.Member) error
	// RecordRemoved records source files as deleted while a deletion goes on; the last ones may stand in the outcome.
	RecordRemoved(ctx context.Context, files []opsdb.ID) error
	// Confirm asks the gate right before a destructive act; an *opsdb.Objection means no.
	Confirm(ctx context.Context) (opsdb.DeletionProof, error)
	// Now is the store's time as the worker knows it; for formats only, nothing is decided by it.
	Now() time.Time
}

// PermanentError is an error that no retry mends.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent marks err as one that no retry mends.
func Permanent(err error) error { return &PermanentError{err} }

// LaterError asks for the task to be tried again after a while, at no cost.
type LaterError struct {
	After  time.Duration
	Reason string
}

func (e *LaterError) Error() string { return fmt.Sprintf("again in %s: %s", e.After, e.Reason) }

// Later asks for the task to be tried again after d.
func Later(d time.Duration, reason string) error { return &LaterError{d, reason} }

// FailureError carries a classified failure.
type FailureError struct {
	Failure opsdb.Failure
	Err     error
}

func (e *FailureError) Error() string { return e.Err.Error() }
func (e *FailureError) Unwrap() error { return e.Err }

// Failed wraps err with its classification; adapters classify, stages pass on.
func Failed(f opsdb.Failure, err error) error {
	if f.Text == "" {
		f.Text = opsdb.Said(err)
	}
	return &FailureError{f, err}
}

// FailureOf returns the classification of an error of Run: transient if it has none.
func FailureOf(err error) opsdb.Failure {
	var fe *FailureError
	if errors.As(err, &fe) {
		return fe.Failure
	}
	var pe *PermanentError
	if errors.As(err, &pe) {
		return opsdb.Failure{Class: opsdb.Permanent, Text: opsdb.Said(err)}
	}
	return opsdb.Failure{Class: opsdb.Transient, Text: opsdb.Said(err)}
}

// Registry is the stage types a process knows, in the order they are documented in.
type Registry []Stage

// Find returns the stage of a type.
func (r Registry) Find(typ string) (Stage, bool) {
	for _, s := range r {
		if s.Spec().Type == typ {
			return s, true
		}
	}
	return nil, false
}

// Specs returns the specs in order.
func (r Registry) Specs() []Spec {
	out := make([]Spec, len(r))
	for i, s := range r {
		out[i] = s.Spec()
	}
	return out
}
