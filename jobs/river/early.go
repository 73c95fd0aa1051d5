package river

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// early is what was fetched by who heard of it, before River came for it.
type early struct {
	id    string // of this process
	most  int    // jobs of one fetch
	hands *hands

	mu      sync.Mutex
	closed  bool
	answers map[string]answer // of each site, the last that River has not come for
	sites   map[string]bool   // that are served
}

// answer is what an early fetch for a site has given.
type answer struct {
	jobs []fetched
	all  bool // that was available; false again when more was inserted
}

func newEarly(id string, most int, hands *hands) *early {
	return &early{id: id, most: most, hands: hands, answers: map[string]answer{}, sites: map[string]bool{}}
}

// serve has jobs of a site fetched early from now on.
func (e *early) serve(site string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sites[site] = true
}

// fetchTime is how long an early fetch may take; a connection on which it takes longer is given up.
const fetchTime = 10 * time.Second

// told fetches for a site of which jobs were inserted, unless this process has some of it in hand: then River fetches, as many as there is room for.
func (e *early) told(ctx context.Context, conn *pgx.Conn, site string) {
	if !e.begin(site) {
		return
	}
	// What was asked for is waited for: jobs would be with nobody until they are missed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
	defer cancel()
	got, err := fetch(ctx, conn, e.id, site, e.most)
	if err != nil {
		return // River asks as well, and says what is wrong
	}
	e.hands.fetched(got)
	e.mu.Lock()
	e.answers[site] = answer{append(e.answers[site].jobs, got...), len(got) < e.most}
	e.mu.Unlock()
	runtime.Gosched() // who waits for one claims it now; River is told of it while the claim is on its way
}

func (e *early) begin(site string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a, there := e.answers[site]; there {
		a.all = false
		e.answers[site] = a
	}
	return !e.closed && e.sites[site] && e.hands.idle(site)
}

// take gives River what was fetched for it, and says whether that is all there is.
func (e *early) take(site string, most int) (jobs []fetched, all bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.answers[site]
	if len(a.jobs) > most {
		e.answers[site] = answer{jobs: a.jobs[most:]}
		return a.jobs[:most], false
	}
	delete(e.answers, site)
	return a.jobs, a.all
}

// close ends early fetches: what comes from now on is left to others.
func (e *early) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
}

const giveBack = `UPDATE river.river_job SET state = 'available', attempt = attempt - 1 WHERE id = ANY($1) AND state = 'running'`

// giveBack puts back what River did not come for any more, after it has ended: what nobody has begun others may fetch, the rest is over.
func (e *early) giveBack(ctx context.Context, pool *pgxpool.Pool) error {
	var back, over []int64
	e.mu.Lock()
	for _, a := range e.answers {
		for _, f := range a.jobs {
			if e.hands.drop(f.job) {
				back = append(back, f.job)
			} else {
				over = append(over, f.job)
			}
		}
	}
	clear(e.answers)
	e.mu.Unlock()
	if len(back)+len(over) == 0 {
		return nil
	}
	_, err := pool.Exec(ctx, giveBack, back)
	if err == nil {
		_, err = pool.Exec(ctx, removeDone, over)
	}
	if err != nil {
		return fmt.Errorf("give back %d jobs that were not begun, and remove %d that are over: %w", len(back), len(over), err)
	}
	return nil
}
