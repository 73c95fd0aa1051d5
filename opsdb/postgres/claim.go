package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
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
			delete(c.claimed, w.task) // nobody else here has it too
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
	claimed  map[opsdb.ID]job
	there    []opsdb.ID // tasks that were not claimed, but are there
	about    map[opsdb.ID]about
	copies   map[opsdb.ID]opsdb.Copy
	receipts map[opsdb.ID][]opsdb.Receipt
}

// about is what stands in other tables about a task.
type about struct {
	task     opsdb.ID
	pack     pack
	segments *string
	from, to *opsdb.LocationType
	peers    []opsdb.ID
	earlier  []opsdb.ID
}

func scanAbout(r scanner) (a about, err error) {
	a.pack, err = tables.ScanPackage(front{r, []any{&a.task, &a.segments, &a.from, &a.to, &a.peers, &a.earlier}})
	return a, err
}

// reading is a receipt and the task that is told of it.
type reading struct {
	of opsdb.ID
	opsdb.Receipt
}

func scanReading(r scanner) (x reading, err error) {
	x.Receipt, err = tables.ScanReceipt(front{r, []any{&x.of}})
	return x, err
}

// front reads the columns before those somebody else reads.
type front struct {
	scanner
	first []any
}

func (f front) Scan(dest ...any) error { return f.scanner.Scan(append(f.first, dest...)...) }

// ask queues a query whose rows are there after the next flush.
func ask[T any](v *view, into *[]T, scan func(scanner) (T, error), sql string, args ...any) {
	v.queued.Queue(sql, clean(args)...).Query(func(rows pgx.Rows) error {
		return v.walk(rows, func(r scanner) error {
			x, err := scan(r)
			*into = append(*into, x)
			return err
		})
	})
}

// mayBegin leaves out what has not begun and is under a pause (opsdb.Task's Begun and Under).
const mayBegin = `((SELECT NOT EXISTS (SELECT 1 FROM pause)) OR t.worker <> '' OR t.piece = 'receive' OR NOT EXISTS (SELECT 1 FROM pause WHERE subject = ANY(ARRAY['route:' || t.route, 'stage:' || t.route || '/' || t.stage,
  'location:' || t.from_loc, 'location:' || t.to_loc, 'site:' || split_part(t.from_loc, '.', 1), 'site:' || split_part(t.to_loc, '.', 1), 'link:' || t.link])))`

// mayPack leaves out packing while the database is not trusted (S8).
const mayPack = ` AND (t.type <> 'package' OR (SELECT restored_at IS NULL FROM opsdb))`

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
	var claimed []job
	var abouts []about
	var copies []opsdb.Copy
	var receipts []reading
	c.queue(lockTheir, tasks)
	// By their ids: the state is hidden from the planner, which would walk through all that was ever scheduled.
	ask(&c.view, &claimed, tables.ScanJob, `UPDATE task t SET state = 'in_progress', token = t.token + 1, worker = x.worker, lease_until = x.until, phase = '', done = 0, total = 0, updated_at = $4
	  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) x (id, worker, until) WHERE t.id = x.id AND t.state || '' = 'scheduled' AND t.lease_until > $4 AND `+mayBegin+mayPack+` RETURNING `+tables.TaskColumns,
		tasks, workers, until, us(c.now))
	ask(&c.view, &abouts, scanAbout, `SELECT t.id, (SELECT digests FROM segments g WHERE g.package = p.key), (SELECT type FROM location WHERE name = t.from_loc), (SELECT type FROM location WHERE name = t.to_loc),
	  (SELECT array_agg(o.id ORDER BY o.id) FROM peer e JOIN package o ON o.key = e.other WHERE e.package = p.key),
	  (SELECT array_agg(o.id ORDER BY o.id) FROM task o WHERE t.type = 'delete' AND o.package = t.package AND o.target_copy = t.target_copy AND o.type = 'delete' AND o.confirmed > 0 AND o.id <> t.id), `+
		packageColumns+tasksOf+`CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = t.package OFFSET 0) p CROSS JOIN LATERAL (SELECT * FROM package_state WHERE package = p.key OFFSET 0) s`, tasks)
	ask(&c.view, &copies, tables.ScanCopy, `SELECT `+tables.CopyColumns+tasksOf+`CROSS JOIN LATERAL (SELECT * FROM copy WHERE copy.id = ANY(ARRAY[t.source_copy, t.target_copy]) OFFSET 0) c`+readingOf, tasks)
	ask(&c.view, &receipts, scanReading, `SELECT t.id, `+readingColumns+tasksOf+`CROSS JOIN LATERAL (SELECT * FROM receipt WHERE receipt.package = t.package OFFSET 0) r ORDER BY r.key`, tasks)
	if err := c.flush(); err != nil {
		return err
	}
	c.changes += int64(len(claimed))
	c.sort(claimed, abouts, copies, receipts)
	if len(claimed) == len(ids) {
		return nil
	}
	there, err := query(&c.view, tables.ScanID, `SELECT t.id`+tasksOf, tasks)
	c.there = there
	return err
}

// sort keeps what was read by what it is looked up by.
func (c *claims) sort(claimed []job, abouts []about, copies []opsdb.Copy, receipts []reading) {
	c.claimed, c.about, c.copies = make(map[opsdb.ID]job, len(claimed)), make(map[opsdb.ID]about, len(abouts)), make(map[opsdb.ID]opsdb.Copy, len(copies))
	c.receipts = make(map[opsdb.ID][]opsdb.Receipt, len(receipts))
	for _, j := range claimed {
		c.claimed[j.ID] = j
	}
	for _, a := range abouts {
		c.about[a.task] = a
	}
	for _, x := range copies {
		c.copies[x.ID] = x
	}
	for _, r := range receipts {
		c.receipts[r.of] = append(c.receipts[r.of], r.Receipt)
	}
}

// assignment puts together what was read for one task.
func (c *claims) assignment(task opsdb.ID) (a opsdb.Assignment, err error) {
	j, mine := c.claimed[task]
	if !mine {
		if slices.Contains(c.there, task) {
			return a, fmt.Errorf("task %s: %w", task, opsdb.ErrNotClaim)
		}
		return a, fmt.Errorf("task %s: %w: %w", task, opsdb.ErrNotClaim, opsdb.ErrNotFound)
	}
	about := c.about[task]
	a.Task, a.Package = j.Task, about.pack.Package
	if about.segments != nil {
		if err := json.Unmarshal([]byte(*about.segments), &a.Package.Segments); err != nil {
			return a, fmt.Errorf("segments of package %s: %w", j.Package, err)
		}
	}
	a.Source, a.Target = c.copyOf(j.SourceCopy), c.copyOf(j.TargetCopy)
	if about.from != nil {
		a.FromType = *about.from
	}
	if about.to != nil {
		a.ToType = *about.to
	}
	a.Receipts, a.Peers, a.Earlier = c.receipts[task], about.peers, about.earlier
	return a, nil
}

func (c *claims) copyOf(id opsdb.ID) *opsdb.Copy {
	if found, ok := c.copies[id]; ok {
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
