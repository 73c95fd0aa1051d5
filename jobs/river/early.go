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
	asked   map[string]bool   // sites of which a fetch is on its way, early or River's: two at once would bring more than there is room for
}

// answer is what an early fetch for a site has given.
type answer struct {
	jobs []fetched
	all  bool // that was available; false again when more was inserted
}

func newEarly(id string, most int, hands *hands) *early {
	return &early{id: id, most: most, hands: hands, answers: map[string]answer{}, sites: map[string]bool{}, asked: map[string]bool{}}
}

// serve has jobs of a site fetched early from now on.
func (e *early) serve(site string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sites[site] = true
}

// fetchTime is how long an early fetch may take; a connection on which it takes longer is given up.
const fetchTime = 10 * time.Second

// told fetches for a site of which jobs were inserted, unless this process has some of it in hand or River fetches for it: then it is left to River, which knows for how many there is room.
func (e *early) told(ctx context.Context, conn *pgx.Conn, site string) {
	if !e.begin(site) {
		return
	}
	// What was asked for is waited for: jobs would be with nobody until they are missed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
	defer cancel()
	got, err := fetch(ctx, conn, e.id, site, e.most)
	e.hands.fetched(got)
	e.mu.Lock()
	delete(e.asked, site)
	if err == nil { // otherwise River asks as well, and says what is wrong
		e.answers[site] = answer{append(e.answers[site].jobs, got...), len(got) < e.most}
	}
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
	if e.closed || !e.sites[site] || e.asked[site] || !e.hands.idle(site) {
		return false
	}
	e.asked[site] = true
	return true
}

// take gives River what was fetched for it, and says whether to ask for the rest; then [early.answered] ends it. While an
// early fetch is on its way there is nothing: the word that has begun it makes River come again.
func (e *early) take(site string, most int) (jobs []fetched, ask bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked[site] {
		return nil, false
	}
	a := e.answers[site]
	if len(a.jobs) > most {
		e.answers[site] = answer{jobs: a.jobs[most:]}
		return a.jobs[:most], false
	}
	delete(e.answers, site)
	if a.all || len(a.jobs) == most || e.closed {
		return a.jobs, false
	}
	e.asked[site] = true
	return a.jobs, true
}

// answered ends what River has asked for a site.
func (e *early) answered(site string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.asked, site)
}

// close ends all fetches, early ones and River's: what comes from now on is left to others.
func (e *early) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
}

// giveBack leaves to nobody what a person has cancelled, as River does.
const giveBack = `UPDATE river.river_job SET attempt = attempt - 1, finalized_at = CASE WHEN metadata ? 'cancel_attempted_at' THEN now() END,
  state = CASE WHEN metadata ? 'cancel_attempted_at' THEN 'cancelled' ELSE 'available' END::river.river_job_state WHERE id = ANY($1) AND state = 'running'`

// giveBackTime is how long it may take to give back what was not begun, after the queue has ended.
const giveBackTime = 2 * time.Second

// giveBack puts back what River did not come for any more, after it has ended: what nobody has begun others may fetch, the rest is over.
// It waits for what was taken until ctx ends; what is known by then is written all the same.
func (e *early) giveBack(ctx context.Context, pool *pgxpool.Pool) error {
	var back, over []int64
	for _, f := range e.left() {
		if e.hands.drop(ctx, f.job) {
			back = append(back, f.job)
		} else {
			over = append(over, f.job)
		}
	}
	if len(back)+len(over) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	_, err := pool.Exec(ctx, giveBack, back)
	if err == nil {
		_, err = pool.Exec(ctx, removeDone, over)
	}
	if err != nil {
		return fmt.Errorf("give back %d jobs that were not begun, and remove %d that are over: %w", len(back), len(over), err)
	}
	return nil
}

// left is what River did not come for, and does not get any more.
func (e *early) left() (jobs []fetched) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.answers {
		jobs = append(jobs, a.jobs...)
	}
	clear(e.answers)
	return jobs
}
