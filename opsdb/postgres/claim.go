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
func (s *Store) Claim(ctx context.Context, task opsdb.ID, worker string, lease time.Duration) (*opsdb.Assignment, error) {
	return s.claims.call(ctx, claiming{task, worker, lease})
}

// claim does a few claims in one round trip: all is asked for at once, with the commit. Many take two: what their
// runs need to know is then looked up by what the first one answers.
func (s *Store) claim(ctx context.Context, wishes []claiming) ([]*opsdb.Assignment, []error) {
	out, errs := make([]*opsdb.Assignment, len(wishes)), make([]error, len(wishes))
	var c *claims
	how := (*claims).do
	if len(wishes) == 1 {
		how = (*claims).one
	}
	err := s.claimed(ctx, wishes, &c, how)
	if err == nil && len(wishes) == 1 && len(c.got) == 0 {
		err = s.claimed(ctx, wishes, &c, (*claims).do)
	}
	if err == nil {
		c.sort()
		c.unknown = c.lookFor()
	}
	for i, w := range wishes {
		if errs[i] = err; err == nil {
			out[i], errs[i] = c.assignment(w.task)
			delete(c.claimed, w.task) // nobody else here has it too
		}
	}
	return out, errs
}

// claimed is the transaction of claims.
func (s *Store) claimed(ctx context.Context, wishes []claiming, c **claims, how func(*claims) error) error {
	return s.writeHow(ctx, timeless, "Claim", func(t *tx) error {
		t.late = true
		*c = &claims{tx: t, wishes: wishes, places: map[string]opsdb.LocationType{}}
		return how(*c)
	})
}

// claims is one transaction, and what it reads.
type claims struct {
	*tx
	wishes   []claiming
	got      []job
	claimed  map[opsdb.ID]*job
	there    []opsdb.ID // tasks that were not claimed, but are there
	unknown  error      // why that is not known
	about    map[opsdb.ID]*about
	copies   map[opsdb.ID]*opsdb.Copy
	receipts map[opsdb.ID][]opsdb.Receipt
	places   map[string]opsdb.LocationType
	read     answers
	earlier  map[opsdb.ID][]opsdb.ID
}

// answers are the rows that come with the commit.
type answers struct {
	abouts   []about
	copies   []opsdb.Copy
	receipts []opsdb.Receipt
	earlier  []begun
}

// begun is a deletion that has begun before another one of the same copy.
type begun struct{ task, before opsdb.ID }

func scanBegun(r scanner) (e begun, err error) {
	err = r.Scan(&e.task, &e.before)
	return e, err
}

// about is what stands in other tables about a package.
type about struct {
	pack     pack
	segments *string
	peers    []opsdb.ID
}

func scanAbout(r scanner) (a about, err error) {
	a.pack, err = tables.ScanPackage(front{r, []any{&a.segments, &a.peers}})
	return a, err
}

// front reads the columns before those somebody else reads.
type front struct {
	scanner
	first []any
}

func (f front) Scan(dest ...any) error { return f.scanner.Scan(append(f.first, dest...)...) }

// ask queues a query whose rows are there after the next flush. Room is made for one row for each element of its longest list.
func ask[T any](v *view, into *[]T, scan func(scanner) (T, error), sql string, args ...any) {
	v.queued.Queue(sql, clean(args)...).Query(func(rows pgx.Rows) error {
		return v.walk(rows, func(r scanner) error {
			x, err := scan(r)
			if cap(*into) == 0 {
				*into = make([]T, 0, longest(args))
			}
			*into = append(*into, x)
			return err
		})
	})
}

// longest is how many elements the longest list among arguments has; 1 if none is a list.
func longest(args []any) int {
	n := 1
	for _, a := range args {
		if list, ok := a.([]string); ok {
			n = max(n, len(list))
		}
	}
	return n
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
	var leases []int64
	seen := make(map[opsdb.ID]bool, len(c.wishes))
	for _, w := range c.wishes {
		if !seen[w.task] { // who comes first has it
			seen[w.task] = true
			ids, workers, leases = append(ids, w.task), append(workers, w.worker), append(leases, w.lease.Microseconds())
		}
	}
	tasks := idList(ids)
	var near bool
	c.quiet = true
	c.each(func(r scanner) error { return r.Scan(&near) }, lockTheirNear, tasks)
	claim, scan := claimTasks, tables.ScanJob
	if len(ids) <= few {
		claim, scan = claimTasks+claimFront+tables.TaskColumns, c.scanClaimed
	} else {
		claim += tables.TaskColumns
	}
	ask(&c.view, &c.got, func(r scanner) (job, error) {
		c.quiet = !near
		return scan(r)
	}, claim, c.handed(), tasks, workers, leases)
	if len(ids) <= few {
		c.changes++
		c.askFor(theirPackages, theirCopies, tasks, tasks)
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.changes += int64(len(c.got))
	c.know()
	return nil
}

// claimTasks claims what can be claimed.
const claimTasks = `UPDATE task t SET state = 'in_progress', token = t.token + 1, worker = x.worker, lease_until = x.until, look_at = least(t.look_at, x.until), phase = '', done = 0, total = 0, updated_at = x.now
  FROM (SELECT id, worker, ` + nowIs1 + ` AS now, ` + nowIs1 + ` + lease * interval '1 microsecond' AS until FROM unnest($2::text[], $3::text[], $4::bigint[]) w (id, worker, lease)) x
  WHERE t.id = x.id AND t.state = 'scheduled' AND t.lease_until > x.now AND ` + mayBegin + mayPack + ` RETURNING `

// claimFront is what a few claims tell besides, each looked up: the types of the places, and deletions of the same copy that have begun before.
const claimFront = `(SELECT type FROM location WHERE name = t.from_loc), (SELECT type FROM location WHERE name = t.to_loc),
  CASE WHEN t.type = 'delete' THEN ARRAY(SELECT o.id FROM task o WHERE o.package = t.package AND o.target_copy = t.target_copy AND o.type = 'delete' AND o.confirmed > 0 AND o.id <> t.id ORDER BY o.id) END, `

// What is read of packages, copies and places, each looked up by its id (see tasksOf): ids that are known, or those of the tasks.
const (
	aboutPackage = `SELECT (SELECT digests FROM segments g WHERE g.package = p.key),
	  CASE WHEN EXISTS (SELECT 1 FROM peer e WHERE e.package = p.key) THEN (SELECT array_agg(o.id ORDER BY o.id) FROM peer e JOIN package o ON o.key = e.other WHERE e.package = p.key) END, ` + packageColumns
	packagesOf = ` CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = x.id OFFSET 0) p CROSS JOIN LATERAL (SELECT * FROM package_state WHERE package = p.key OFFSET 0) s`
	aboutCopy  = `SELECT ` + tables.CopyColumns
	copiesOf   = ` CROSS JOIN LATERAL (SELECT * FROM copy WHERE copy.id = x.id OFFSET 0) c` + readingOf
	aReading   = `SELECT ` + readingColumns
	readingsOf = ` CROSS JOIN LATERAL (SELECT * FROM receipt WHERE receipt.package = x.id OFFSET 0) r ORDER BY r.key`
	earlierOf  = `SELECT t.id, o.id` + tasksOf + `CROSS JOIN LATERAL (SELECT id FROM task o WHERE t.type = 'delete' AND o.package = t.package AND o.target_copy = t.target_copy AND o.type = 'delete' AND o.confirmed > 0 AND o.id <> t.id OFFSET 0) o ORDER BY o.id`

	theseIDs      = ` FROM unnest($1::text[]) x (id)`
	theirPackages = ` FROM (SELECT DISTINCT t.package` + tasksOf + `) x (id)`
	theirCopies   = ` FROM (SELECT DISTINCT unnest(ARRAY[t.source_copy, t.target_copy])` + tasksOf + `) x (id)`
)

// scanClaimed reads claimFront and a task.
func (c *claims) scanClaimed(r scanner) (job, error) {
	var from, to *opsdb.LocationType
	var earlier []opsdb.ID
	j, err := tables.ScanJob(front{r, []any{&from, &to, &earlier}})
	c.place(j.From, from)
	c.place(j.To, to)
	for _, before := range earlier {
		c.read.earlier = append(c.read.earlier, begun{j.ID, before})
	}
	return j, err
}

// place notes the type of a place, if there is one of that name.
func (c *claims) place(name string, is *opsdb.LocationType) {
	if is != nil {
		c.places[name] = *is
	}
}

// know asks for what the runs of the tasks that were claimed need to know.
func (c *claims) know() {
	if len(c.got) == 0 {
		return
	}
	var packages, named, deletions []string
	for _, j := range c.got {
		packages = append(packages, string(j.Package))
		for _, id := range []opsdb.ID{j.SourceCopy, j.TargetCopy} {
			if id != "" {
				named = append(named, string(id))
			}
		}
		if j.Type == "delete" {
			deletions = append(deletions, string(j.ID))
		}
	}
	c.askFor(theseIDs, theseIDs, once(packages), once(named))
	c.askPlaces()
	if len(deletions) > 0 {
		ask(&c.view, &c.read.earlier, scanBegun, earlierOf, deletions)
	}
}

// askFor asks for packages, copies and readings.
func (c *claims) askFor(packages, copies string, ofPackages, ofCopies []string) {
	ask(&c.view, &c.read.abouts, scanAbout, aboutPackage+packages+packagesOf, ofPackages)
	ask(&c.view, &c.read.copies, tables.ScanCopy, aboutCopy+copies+copiesOf, ofCopies)
	ask(&c.view, &c.read.receipts, tables.ScanReceipt, aReading+packages+readingsOf, ofPackages)
}

// askPlaces asks for the types of places, which are few.
func (c *claims) askPlaces() {
	c.each(func(r scanner) error {
		var name string
		var is opsdb.LocationType
		err := r.Scan(&name, &is)
		c.places[name] = is
		return err
	}, `SELECT name, type FROM location`)
}

// once is each of them once.
func once(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// sort keeps what was read by what it is looked up by.
func (c *claims) sort() {
	c.claimed = make(map[opsdb.ID]*job, len(c.got))
	for i := range c.got {
		c.claimed[c.got[i].ID] = &c.got[i]
	}
	abouts, copies, receipts := c.read.abouts, c.read.copies, c.read.receipts
	c.about, c.copies, c.receipts = make(map[opsdb.ID]*about, len(abouts)), make(map[opsdb.ID]*opsdb.Copy, len(copies)), make(map[opsdb.ID][]opsdb.Receipt, len(receipts))
	for i := range abouts {
		c.about[abouts[i].pack.ID] = &abouts[i]
	}
	for i := range copies {
		c.copies[copies[i].ID] = &copies[i]
	}
	for _, r := range receipts {
		c.receipts[r.Package] = append(c.receipts[r.Package], r)
	}
	c.earlier = map[opsdb.ID][]opsdb.ID{}
	for _, e := range c.read.earlier {
		c.earlier[e.task] = append(c.earlier[e.task], e.before)
	}
}

// lookFor looks whether tasks are there that were not claimed.
func (c *claims) lookFor() error {
	var ids []opsdb.ID
	for _, w := range c.wishes {
		if _, mine := c.claimed[w.task]; !mine {
			ids = append(ids, w.task)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return c.store.read(c.ctx, "Claim", func(v *view) (err error) {
		c.there, err = query(v, tables.ScanID, `SELECT t.id`+tasksOf, idList(ids))
		return err
	})
}

// assignment puts together what was read for one task.
func (c *claims) assignment(task opsdb.ID) (*opsdb.Assignment, error) {
	j, mine := c.claimed[task]
	if !mine {
		if c.unknown != nil {
			return nil, c.unknown
		}
		if slices.Contains(c.there, task) {
			return nil, fmt.Errorf("task %s: %w", task, opsdb.ErrNotClaim)
		}
		return nil, fmt.Errorf("task %s: %w: %w", task, opsdb.ErrNotClaim, opsdb.ErrNotFound)
	}
	about, there := c.about[j.Package]
	if !there {
		return nil, fmt.Errorf("package %s of task %s: %w", j.Package, task, opsdb.ErrInvariant)
	}
	a := &opsdb.Assignment{Task: j.Task, Package: about.pack.Package}
	if about.segments != nil {
		if err := json.Unmarshal([]byte(*about.segments), &a.Package.Segments); err != nil {
			return nil, fmt.Errorf("segments of package %s: %w", j.Package, err)
		}
	}
	a.Source, a.Target = c.copyOf(j.SourceCopy), c.copyOf(j.TargetCopy)
	a.FromType, a.ToType = c.places[j.From], c.places[j.To]
	a.Receipts, a.Peers, a.Earlier = slices.Clone(c.receipts[j.Package]), slices.Clone(about.peers), c.earlier[task]
	return a, nil
}

func (c *claims) copyOf(id opsdb.ID) *opsdb.Copy {
	found, ok := c.copies[id]
	if !ok {
		return nil
	}
	its := *found // alone: who keeps it does not keep those of the whole lot
	return &its
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
