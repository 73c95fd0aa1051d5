// Package notify tells people what needs them: work that became blocked,
// places and links that stay down, quarantined and lost copies, kept source files, the
// deletion brake, a suspect time, a broken audit chain.
//
// It says a thing once, when it begins, and once when it is over: never again
// for a retry, and not again after a restart. It reads OpsDB only, decides nothing and
// changes nothing there; what it has said is kept in a small file. One process
// of an installation should run it: each that does tells everything.
//
// It imports opsdb, clock and effect.
package notify

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Cause is why people are told, one word from this list.
type Cause string

// The causes.
const (
	Blocked     Cause = "blocked"      // a move waits for a person
	Down        Cause = "down"         // a site, location or link has been down for long
	Quarantined Cause = "quarantined"  // a copy, or a whole package, is not what was recorded
	Lost        Cause = "lost"         // a copy is not there
	FileKept    Cause = "file_kept"    // a source file differs from its member and was not deleted (S1f)
	FileUnlike  Cause = "file_unlike"  // a source file was packed with another digest than its instrument announced
	Brake       Cause = "brake"        // deletions wait for the brake (S14)
	TimeSuspect Cause = "time_suspect" // the clock jumped: nothing is condemned (S7)
	Restored    Cause = "restored"     // the database was put back: nothing is deleted or packed (S8)
	AuditBroken Cause = "audit_broken" // the chain of events does not hold
)

// Notice is one thing said: that it began, or that it is over. Both have the same Key.
type Notice struct {
	Key      string    `json:"key"`   // cause and subject: the same for as long as it lasts
	State    string    `json:"state"` // "open" or "over"
	Cause    Cause     `json:"cause"`
	Subject  string    `json:"subject"` // "package:<id>", "location:…", "link:a>b", "site:…", "file:<id>", "time", "opsdb", "audit"
	Text     string    `json:"text"`    // one line for people
	Hint     string    `json:"hint,omitempty"`
	Package  opsdb.ID  `json:"package,omitempty"`
	Name     string    `json:"name,omitempty"` // of the package
	Route    string    `json:"route,omitempty"`
	Stage    string    `json:"stage,omitempty"`
	From     string    `json:"from,omitempty"`
	To       string    `json:"to,omitempty"`
	Location string    `json:"location,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Since    time.Time `json:"since"` // store time
	At       time.Time `json:"at"`    // store time at which it was noticed
}

// The states of a notice.
const (
	Open = "open"
	Over = "over"
)

// Source is what notify reads: OpsDB.
type Source interface {
	World(ctx context.Context) (opsdb.World, error)
	Totals(ctx context.Context) (opsdb.Totals, error)
	OpenMoves(ctx context.Context, q opsdb.Query) ([]opsdb.OpenMove, error)
	Events(ctx context.Context, after int64) iter.Seq2[opsdb.Event, error]
	VerifyChain(ctx context.Context) (opsdb.Chained, error)
	FindPackage(ctx context.Context, what string) (opsdb.Package, error)
}

// Sink brings a message to people. Send is called by one goroutine at a time,
// and again with the same notices if it fails.
type Sink interface {
	// Name tells sinks apart in the log and in the state; it holds no secret.
	Name() string
	Send(ctx context.Context, m Message) error
}

// Config is how people are told. Zero fields take the value named.
type Config struct {
	State   string        // the file that keeps what was said; made if absent
	Sinks   []Sink        // with distinct names
	Every   time.Duration // between two looks; 15 s
	DownFor time.Duration // how long something must be down before it is said; 5 min
	UpFor   time.Duration // how long it must be up before that is over; 2 min
	Chain   time.Duration // between two readings of the whole audit chain; 24 h
	Timeout time.Duration // of one Send; 10 s
	Retry   time.Duration // first pause after a failed Send, doubled up to a hundredfold; 5 s
	Log     *slog.Logger
}

// Notifier looks and tells. Its methods may be called from several goroutines.
type Notifier struct {
	cfg    Config
	source Source
	bells  map[string]chan struct{} // by sink: something waits

	looking sync.Mutex // one look at a time
	mu      sync.Mutex
	state   state
}

// New makes a notifier over what State says was said. It fails if that file
// cannot be read, was written by a newer version, or a sink's name is used twice.
func New(cfg Config, source Source) (*Notifier, error) {
	cfg = cfg.filled()
	s, err := load(cfg.State)
	if err != nil {
		return nil, err
	}
	n := &Notifier{cfg: cfg, source: source, state: s, bells: map[string]chan struct{}{}}
	for _, sink := range cfg.Sinks {
		if n.bells[sink.Name()] != nil {
			return nil, errTwice(sink.Name())
		}
		n.bells[sink.Name()] = make(chan struct{}, 1)
	}
	n.state.keepSinks(n.bells)
	return n, nil
}

func (c Config) filled() Config {
	c.Every = or(c.Every, 15*time.Second)
	c.DownFor = or(c.DownFor, 5*time.Minute)
	c.UpFor = or(c.UpFor, 2*time.Minute)
	c.Chain = or(c.Chain, 24*time.Hour)
	c.Timeout = or(c.Timeout, 10*time.Second)
	c.Retry = or(c.Retry, 5*time.Second)
	c.Log = or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// Run looks and tells until ctx ends, and then returns nil.
func (n *Notifier) Run(ctx context.Context) error {
	var sinks sync.WaitGroup
	for _, s := range n.cfg.Sinks {
		sinks.Go(func() { n.deliver(ctx, s) })
	}
	again := time.NewTicker(n.cfg.Every)
	defer again.Stop()
	failing := false
	for {
		err := n.Look(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			n.cfg.Log.WarnContext(ctx, "nobody can be told of new trouble", "error", err)
		}
		failing = err != nil
		select {
		case <-again.C:
		case <-ctx.Done():
			sinks.Wait()
			return nil
		}
	}
}
