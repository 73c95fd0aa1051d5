package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb/postgres"
)

// How long a service waits before it looks again whether its database is back: first, and at most.
const (
	firstWait = 500 * time.Millisecond
	mostWait  = 15 * time.Second
)

// patience is how a service bears that its PostgreSQL is away, at its start
// and later: it says so once, and once that it is back. A database that answers and refuses
// (a wrong password, a name it does not know, another version) is for a person, and ends the service.
type patience struct {
	db  string
	log *slog.Logger // that says it all

	mu     sync.Mutex
	store  node.Timer // to ask whether it is back; nil: there is none yet
	away   bool
	unsaid int // complaints of the parts of the process meanwhile
}

// newPatience returns a patience, and the log for the parts of the process, whose
// complaints about a database that is away are said once for all of them.
func newPatience(db string, h slog.Handler) (*patience, *slog.Logger) {
	p := &patience{db: config.Address(db), log: slog.New(h)}
	return p, slog.New(whileAway{h, p})
}

// until does what needs the database, from the beginning each time it was
// away. Stopped while it waits it returns nil: nothing was under way.
func (p *patience) until(ctx context.Context, do func() error) error {
	for tries := 0; ; tries++ {
		err := do()
		if p.attend(nil) {
			tries = 0
		}
		if !postgres.Away(err) {
			return err
		}
		if ctx.Err() == nil {
			p.gone(ctx, err)
			waitLonger(ctx, tries)
		}
		if ctx.Err() != nil {
			p.log.WarnContext(context.WithoutCancel(ctx), "stopped while the database was away", "db", p.db, "error", err)
			return nil //nolint:nilerr // nothing was under way, and it was said
		}
	}
}

// here says that the database is there, if it was away, and from now on is to be asked whether it is.
func (p *patience) here(ctx context.Context, store node.Timer) {
	p.attend(store)
	p.back(ctx)
}

// attend sets whom to ask; it reports whether there was somebody.
func (p *patience) attend(store node.Timer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.store != nil
	p.store = store
	return was
}

// gone says once that the database is away, and watches for it if there is whom to ask.
func (p *patience) gone(ctx context.Context, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		p.unsaid++
		return
	}
	p.away = true
	p.log.WarnContext(ctx, "the database is away: waiting for it", "db", p.db, "error", err,
		"hint", "is PostgreSQL running, and is the address right? `dtctl doctor` looks")
	if p.store != nil {
		go p.watch(ctx, p.store)
	}
}

// watch asks the store until it answers, or another one is asked.
func (p *patience) watch(ctx context.Context, store node.Timer) {
	for n := 0; ctx.Err() == nil; n++ {
		waitLonger(ctx, n)
		_, err := store.Now(ctx)
		p.mu.Lock()
		mine := p.store == store
		p.mu.Unlock()
		if !mine {
			return
		}
		if err == nil {
			p.back(ctx)
			return
		}
	}
}

func (p *patience) back(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		p.log.InfoContext(ctx, "the database is back", "db", p.db, "complaints", p.unsaid)
	}
	p.away, p.unsaid = false, 0
}

// waitLonger waits longer each time, and not as long as others do.
func waitLonger(ctx context.Context, n int) {
	most := min(firstWait<<min(n, 10), mostWait)
	timer := time.NewTimer(most/2 + rand.N(most/2)) //nolint:gosec // no secret
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
