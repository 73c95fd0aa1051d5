package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
)

// claiming is one wish to claim.
type claiming struct {
	task   opsdb.ID
	worker string
	lease  time.Duration
}

// Claim implements opsdb.Working. Claims of one process that come at once share a transaction.
func (s *Store) Claim(ctx context.Context, task opsdb.ID, worker string, lease time.Duration) (opsdb.Assignment, error) {
	return s.claims.call(ctx, claiming{task, worker, lease})
}

// claim does claims in three round trips, however many they are.
func (s *Store) claim(ctx context.Context, wishes []claiming) ([]opsdb.Assignment, []error) {
	out, errs := make([]opsdb.Assignment, len(wishes)), make([]error, len(wishes))
	err := s.write(ctx, "Claim", func(t *tx) error {
		t.late = true
		c := claims{tx: t, wishes: wishes}
		if err := c.do(); err != nil {
			return err
		}
		for i, w := range wishes {
			out[i], errs[i] = c.assignment(w.task)
			c.claimed = slices.DeleteFunc(c.claimed, func(id opsdb.ID) bool { return id == w.task }) // nobody else here has it too
		}
		return nil
	})
	for i := range errs {
		if err != nil {
			out[i], errs[i] = opsdb.Assignment{}, err
		}
	}
	return out, errs
}

// claims is one transaction, and what it reads.
type claims struct {
	*tx
	wishes   []claiming
	claimed  []opsdb.ID
	jobs     []job
	packages []pack
	segments []segments
	copies   []opsdb.Copy
	types    []placeType
	receipts []opsdb.Receipt
	peers    []peer
}

type segments struct {
	pkg     opsdb.ID
	digests string
}

type placeType struct {
	name string
	typ  opsdb.LocationType
}

type peer struct{ pkg, other opsdb.ID }

// ask queues a query whose rows are there after the next flush.
func ask[T any](v *view, into *[]T, scan func(scanner) (T, error), sql string, args ...any) {
	v.queued.Queue(sql, clean(args)...).Query(func(rows pgx.Rows) (err error) {
		*into, err = collect(v, rows, scan)
		return err
	})
}

// mayBegin leaves out what has not begun and is under a pause (opsdb.Task's Begun and Under).
const mayBegin = `(t.worker <> '' OR t.piece = 'receive' OR NOT EXISTS (SELECT 1 FROM pause WHERE subject = ANY(ARRAY['route:' || t.route, 'stage:' || t.route || '/' || t.stage,
  'location:' || t.from_loc, 'location:' || t.to_loc, 'site:' || split_part(t.from_loc, '.', 1), 'site:' || split_part(t.to_loc, '.', 1), 'link:' || t.link])))`

// do takes the packages, claims what can be claimed, and reads what a run needs to know.
func (c *claims) do() error {
	var ids []opsdb.ID
	var workers []string
	var until []time.Time
	for _, w := range c.wishes {
		if !slices.Contains(ids, w.task) { // who comes first has it
			ids, workers, until = append(ids, w.task), append(workers, w.worker), append(until, c.now.Add(w.lease))
		}
	}
	tasks := idList(ids)
	c.queued.Queue(`SELECT FROM package_state WHERE id IN (SELECT package FROM task WHERE id = ANY($1::text[])) ORDER BY id FOR NO KEY UPDATE`, tasks)
	// By their ids: the state is hidden from the planner, which would walk through all that was ever scheduled.
	ask(&c.view, &c.claimed, scanID, `UPDATE task t SET state = 'in_progress', token = t.token + 1, worker = x.worker, lease_until = x.until, phase = '', done = 0, total = 0, updated_at = $4
	  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) x (id, worker, until) WHERE t.id = x.id AND t.state || '' = 'scheduled' AND t.lease_until > $4 AND `+mayBegin+` RETURNING t.id`,
		tasks, workers, until, us(c.now))
	const theirs = ` IN (SELECT package FROM task WHERE id = ANY($1::text[])) `
	ask(&c.view, &c.jobs, scanJob, `SELECT `+taskColumns+` FROM task t WHERE t.id = ANY($1::text[])`, tasks)
	ask(&c.view, &c.packages, scanPackage, `SELECT `+packageColumns+packageFrom+`WHERE p.id`+theirs, tasks)
	ask(&c.view, &c.segments, func(r scanner) (x segments, err error) { return x, r.Scan(&x.pkg, &x.digests) },
		`SELECT p.id, s.digests FROM package p JOIN segments s ON s.package = p.key WHERE p.id`+theirs, tasks)
	ask(&c.view, &c.copies, scanCopy, `SELECT `+copyColumns+copyFrom+`WHERE c.id IN (SELECT unnest(ARRAY[source_copy, target_copy]) FROM task WHERE id = ANY($1::text[]))`, tasks)
	ask(&c.view, &c.types, func(r scanner) (x placeType, err error) { return x, r.Scan(&x.name, &x.typ) },
		`SELECT name, type FROM location WHERE name IN (SELECT unnest(ARRAY[from_loc, to_loc]) FROM task WHERE id = ANY($1::text[]))`, tasks)
	ask(&c.view, &c.receipts, scanReceipt, `SELECT `+receiptColumns+` FROM receipt WHERE package`+theirs+`ORDER BY key`, tasks)
	ask(&c.view, &c.peers, func(r scanner) (x peer, err error) { return x, r.Scan(&x.pkg, &x.other) },
		`SELECT p.id, o.id FROM package p JOIN peer e ON e.package = p.key JOIN package o ON o.key = e.other WHERE p.id`+theirs+`ORDER BY o.id`, tasks)
	if err := c.flush(); err != nil {
		return err
	}
	c.changes += int64(len(c.claimed))
	return nil
}

// assignment puts together what was read for one task.
func (c *claims) assignment(task opsdb.ID) (a opsdb.Assignment, err error) {
	j, found := find(c.jobs, func(j job) bool { return j.ID == task })
	if !found {
		return a, fmt.Errorf("task %s: %w: %w", task, opsdb.ErrNotClaim, opsdb.ErrNotFound)
	}
	if _, mine := find(c.claimed, func(id opsdb.ID) bool { return id == task }); !mine {
		return a, fmt.Errorf("task %s: %w", task, opsdb.ErrNotClaim)
	}
	a.Task = j.Task
	p, _ := find(c.packages, func(p pack) bool { return p.ID == j.Package })
	a.Package = p.Package
	if s, found := find(c.segments, func(s segments) bool { return s.pkg == j.Package }); found {
		if err := json.Unmarshal([]byte(s.digests), &a.Package.Segments); err != nil {
			return a, fmt.Errorf("segments of package %s: %w", j.Package, err)
		}
	}
	a.Source, a.Target = c.copyOf(j.SourceCopy), c.copyOf(j.TargetCopy)
	from, _ := find(c.types, func(l placeType) bool { return l.name == j.From })
	to, _ := find(c.types, func(l placeType) bool { return l.name == j.To })
	a.FromType, a.ToType = from.typ, to.typ
	for _, r := range c.receipts {
		if r.Package == j.Package {
			a.Receipts = append(a.Receipts, r)
		}
	}
	for _, e := range c.peers {
		if e.pkg == j.Package {
			a.Peers = append(a.Peers, e.other)
		}
	}
	return a, nil
}

func (c *claims) copyOf(id opsdb.ID) *opsdb.Copy {
	if found, ok := find(c.copies, func(x opsdb.Copy) bool { return x.ID == id }); ok {
		return &found
	}
	return nil
}

func find[T any](list []T, is func(T) bool) (T, bool) {
	for _, x := range list {
		if is(x) {
			return x, true
		}
	}
	var nothing T
	return nothing, false
}
