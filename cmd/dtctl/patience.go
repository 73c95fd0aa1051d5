package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/opsdb/postgres"
)

// How long a service waits before it tries again to reach its database: first, and at most.
const (
	firstWait = 500 * time.Millisecond
	mostWait  = 15 * time.Second
)

// patience is how a service bears that its PostgreSQL is away: it says so
// once, and tries again until it is back. A database that answers and refuses
// (a wrong password, a name it does not know, another version) is for a person, and ends it.
type patience struct {
	db    string
	log   *slog.Logger
	tries int // since the database was last there
}

// until does what needs the database, from the beginning each time it was
// away. Stopped while it waits it returns nil: nothing was under way.
func (p *patience) until(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !postgres.Away(err) {
			return err
		}
		if ctx.Err() == nil {
			p.tell(ctx, err)
			p.wait(ctx)
		}
		if ctx.Err() != nil {
			p.log.WarnContext(context.WithoutCancel(ctx), "stopped while the database was away", "db", config.Address(p.db), "error", err)
			return nil
		}
	}
}

// tell says once that the database is away.
func (p *patience) tell(ctx context.Context, err error) {
	p.tries++
	if p.tries == 1 {
		p.log.WarnContext(ctx, "the database is away: waiting for it", "db", config.Address(p.db), "error", err,
			"hint", "is PostgreSQL running, and is the address right? `dtctl doctor` looks")
	}
}

// over says that the database is there, if it was away.
func (p *patience) over(ctx context.Context) {
	if p.tries > 0 {
		p.log.InfoContext(ctx, "the database is back", "db", config.Address(p.db), "tries", p.tries)
	}
	p.tries = 0
}

// wait waits longer each time, and not as long as others do.
func (p *patience) wait(ctx context.Context) {
	most := min(firstWait<<min(p.tries-1, 10), mostWait)
	timer := time.NewTimer(most/2 + rand.N(most/2)) //nolint:gosec // no secret
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
