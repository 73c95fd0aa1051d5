// Package live is what is true right now: which workers are there, what each
// task is doing, a feed of events for the API processes, and a status that
// need not be computed for every reader.
//
// It is a hint, never truth: nothing decides by it, and all of it may be lost at
// any moment and comes back by itself. What must not be lost is in OpsDB. It
// stores no history and knows no routes.
//
// [github.com/ccatobs/cdt/live/memory] serves one process,
// [github.com/ccatobs/cdt/live/redis] many; livetest holds both to the promises
// written here. It imports nothing of ours but clock.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Errors a caller branches on.
var (
	// ErrAway says that the hints cannot be read now: show the view without them.
	ErrAway = errors.New("live state is away")
	// ErrNone says that there is no such blob, or no longer.
	ErrNone = errors.New("nothing is kept under this name")
	// ErrClosed says that the subscription or the live state was closed.
	ErrClosed = errors.New("closed")
)

// How long hints speak for what they are about, and when they should be renewed.
const (
	TTL      = 90 * time.Second // presence and progress
	Renew    = 30 * time.Second // of presence
	BlobKept = 15 * time.Minute
)

// Bounds: what is larger is dropped and counted.
const (
	MaxEvent = 64 << 10 // bytes of an event as JSON
	MaxBlob  = 4 << 20
)

// Live is the whole port. What writes never blocks, never fails and is never
// waited for: it stands on the way of the data. What reads takes a moment at
// most, and then fails with [ErrAway].
type Live interface {
	Presence
	Progress
	Feed
	Blobs
	// Health says how the hints themselves are.
	Health() Health
	// Close ends all subscriptions and lets go. It drops what is still unsent.
	Close() error
}

// Presence is which workers are there.
type Presence interface {
	// Present says that a worker is there. It speaks for [TTL]; call it every
	// [Renew] (see [Keep]). A second call replaces the first.
	Present(w Worker)
	// Absent takes it back. A worker that is not known is left alone.
	Absent(id string)
	// Workers returns those who are present, by ID.
	Workers(ctx context.Context) ([]Worker, error)
}

// Worker is a process at one or more sites.
type Worker struct {
	ID      string   `json:"id"`
	Sites   []string `json:"sites"`
	Version string   `json:"version,omitempty"`
	Busy    int      `json:"busy"` // tasks it holds a lease on
	// Age is how long ago it was said; set by Workers.
	Age time.Duration `json:"-"`
}

// Progress is what each task is doing.
type Progress interface {
	// Tell says what a task is doing now. It speaks for [TTL]; of calls in quick
	// succession for one task only the last may be seen.
	Tell(t Task)
	// Ended forgets a task. One that is not known is left alone.
	Ended(task string)
	// Tasks returns what is being done, by ID.
	Tasks(ctx context.Context) ([]Task, error)
}

// Task is what one task is doing.
type Task struct {
	ID      string  `json:"id"`
	Package string  `json:"package"` // its id
	Route   string  `json:"route"`
	Stage   string  `json:"stage"`
	From    string  `json:"from"`
	To      string  `json:"to"`
	Worker  string  `json:"worker"`
	Phase   string  `json:"phase"`
	Done    int64   `json:"done"`  // bytes of the phase
	Total   int64   `json:"total"` // 0: not known
	Rate    float64 `json:"rate"`  // bytes a second, see [Meter]
	// Age is how long ago it was said; set by Tasks.
	Age time.Duration `json:"-"`
}

// Feed brings events to whoever listens, in this process and in others.
type Feed interface {
	// Publish hands an event to every subscriber. In one process they come in the
	// order published, and even while the hints are away.
	Publish(e Event)
	// Subscribe returns what is published from now on. At most buffer events wait
	// (at least 1): a subscriber that is slower loses the oldest and is told how many.
	Subscribe(buffer int) *Subscription
}

// Event says that something has changed, for views. The audit log has its own.
type Event struct {
	Kind     string            `json:"kind"`
	Subject  string            `json:"subject,omitempty"`
	Package  string            `json:"package,omitempty"`
	Location string            `json:"location,omitempty"`
	Text     string            `json:"text,omitempty"`
	Fields   map[string]string `json:"fields,omitempty"`
	At       time.Time         `json:"at"`
}

// Fits reports whether an event is small enough to be published.
func (e Event) Fits() bool {
	b, err := json.Marshal(e)
	return err == nil && len(b) <= MaxEvent
}

// Item is what a subscriber gets next.
type Item struct {
	Event
	// Missed is how many events were lost just before this one.
	Missed int
	// Gap says that more may be lost than Missed counts, because the feed was cut. Read the state anew.
	// An item may be a gap alone, without an Event (Kind is "").
	Gap bool
}

// Blobs are values too dear to compute for every reader, such as the status.
type Blobs interface {
	// Put keeps data under a name for [BlobKept]; a later Put replaces it.
	Put(name string, data []byte)
	// Get returns it and how old it is; [ErrNone] if there is none. Age counts
	// from Put, by no host's wall clock.
	Get(ctx context.Context, name string) (data []byte, age time.Duration, err error)
}

// Health is how the hints themselves are.
type Health struct {
	Away    bool   // they cannot be reached now
	Text    string // why, without secrets
	Waiting int    // writes not sent yet
	Dropped int64  // writes and events lost since the start
}
