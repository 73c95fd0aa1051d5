package postgres

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Dirty implements opsdb.Planning.
func (s *Store) Dirty(ctx context.Context, now time.Time, limit int) (facts []opsdb.Facts, err error) {
	if err := s.serveWakes(ctx); err != nil {
		return nil, err
	}
	err = s.read(ctx, "Dirty", func(v *view) error {
		v.fixed = now
		var g glance
		finish := v.askGlance(new(opsdb.World), &g, limit, false)
		if err := v.flush(); err != nil {
			return err
		}
		finish()
		facts, err = v.Facts(g.packages)
		return err
	})
	return facts, err
}

// isDirty says that facts of a package have changed since it was evaluated.
const isDirty = `dirty`

// Facts implements opsdb.Planning.
func (s *Store) Facts(ctx context.Context, ids []opsdb.ID) (facts []opsdb.Facts, err error) {
	if err := s.serveWakes(ctx); err != nil {
		return nil, err
	}
	err = s.read(ctx, "Facts", func(v *view) error {
		facts, err = v.Facts(ids)
		return err
	})
	return facts, err
}

// Facts implements [tables.View], in a constant number of queries.
func (v *view) Facts(ids []opsdb.ID) ([]opsdb.Facts, error) {
	f := v.askFacts(ids)
	err := v.flush()
	return f.facts(), err
}

// askFacts asks for packages and all that belongs to them.
func (v *view) askFacts(ids []opsdb.ID) *factsOf {
	f := &factsOf{v: v, at: make(map[opsdb.ID]*opsdb.Facts, len(ids)), list: idList(ids)}
	if len(ids) == 0 {
		return f
	}
	for _, ask := range []func(){f.packages, f.copies, f.tasks, f.requests, f.holds, f.resends, f.moves, f.peers, f.unclaimed} {
		ask()
	}
	return f
}

// factsOf fills the facts of several packages.
type factsOf struct {
	v     *view
	order []*opsdb.Facts
	at    map[opsdb.ID]*opsdb.Facts
	list  []string
}

// facts are what was asked for, after the flush.
func (f *factsOf) facts() []opsdb.Facts {
	out := make([]opsdb.Facts, len(f.order))
	for i, x := range f.order {
		out[i] = *x
	}
	return out
}

func (f *factsOf) packages() {
	asked(f, tables.ScanPackage, func(p pack) {
		f.at[p.ID] = &opsdb.Facts{Package: p.Package, Gone: p.Gone}
		f.order = append(f.order, f.at[p.ID])
	}, `SELECT `+packageColumns+these+`package p ON p.id = j.id JOIN package_state s ON s.package = p.key ORDER BY j.n`)
}

// asked queues a query about the packages; add gets each row.
func asked[T any](f *factsOf, scan func(scanner) (T, error), add func(T), sql string) {
	f.v.each(func(r scanner) error {
		x, err := scan(r)
		if err == nil {
			add(x)
		}
		return err
	}, sql, f.list)
}

// these is the packages asked for, as the outer loop of a join.
const these = ` FROM unnest($1::text[]) WITH ORDINALITY j (id, n) JOIN `

func (f *factsOf) copies() {
	asked(f, tables.ScanCopy, func(c opsdb.Copy) { x := f.at[c.Package]; x.Copies = append(x.Copies, c) }, `SELECT `+tables.CopyColumns+these+`copy c ON c.package = j.id LEFT JOIN receipt r ON r.key = c.receipt
	  WHERE c.state <> 'deleted' ORDER BY c.id`)
}

func (f *factsOf) tasks() {
	asked(f, tables.ScanTask, func(t opsdb.Task) { x := f.at[t.Package]; x.Tasks = append(x.Tasks, t) }, `SELECT `+tables.TaskColumns+` FROM unnest($1::text[]) j (id) CROSS JOIN LATERAL
	  (SELECT * FROM task WHERE task.package = j.id AND task.state IN ('pending', 'scheduled', 'in_progress', 'failed') OFFSET 0) t ORDER BY t.id`)
}

func (f *factsOf) requests() {
	asked(f, tables.ScanRequest, func(q opsdb.StagingRequest) { x := f.at[q.Package]; x.Requests = append(x.Requests, q) }, `SELECT `+tables.RequestColumns+these+`staging_request q ON q.package = j.id ORDER BY q.id`)
}

func (f *factsOf) holds() {
	asked(f, tables.ScanHold, func(h opsdb.Hold) { x := f.at[h.Package]; x.Holds = append(x.Holds, h) }, `SELECT `+tables.HoldColumns+these+`hold h ON h.package = j.id ORDER BY h.id`)
}

func (f *factsOf) resends() {
	asked(f, tables.ScanResend, func(s opsdb.Resend) { x := f.at[s.Package]; x.Resends = append(x.Resends, s) }, `SELECT `+tables.ResendColumns+these+`resend rs ON rs.package = j.id WHERE rs.ended_at IS NULL ORDER BY rs.id`)
}

func (f *factsOf) moves() {
	asked(f, tables.ScanMove, func(m opsdb.OpenMove) { x := f.at[m.Package]; x.Moves = append(x.Moves, m) }, `SELECT `+tables.MoveColumns+these+`open_move m ON m.package = j.id`)
}

// willing is true of a peer p whose own copy of the files is condemned or
// further, or whose files are gone.
const willing = `(p.gone >= p.files OR NOT EXISTS (SELECT 1 FROM copy c WHERE c.package = p.id AND c.form = 'files'
  AND c.state NOT IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress', 'deletion_failed', 'deleted', 'lost')))`

// graceLeft is the rest of a peer's grace in microseconds, at most 0 if it is over.
const graceLeft = `coalesce((SELECT extract(epoch FROM c.condemned_age - (SELECT observed FROM observed_clock)) * 1000000 + coalesce((s.policies::json -> c.location ->> 'grace')::bigint, 0) / 1000
  FROM copy c WHERE c.package = p.id AND c.form = 'files' AND c.state = 'deletion_possible' AND p.gone < p.files), 0)::bigint`

func (f *factsOf) peers() {
	f.v.each(func(r scanner) error {
		var id opsdb.ID
		var p opsdb.Peer
		var left int64
		err := r.Scan(&id, &p.Package, &p.Willing, &left)
		if p.Willing && left > 0 {
			p.Willing, p.Grace = false, time.Duration(left)*time.Microsecond
		}
		if x := f.at[id]; x != nil {
			x.Peers = append(x.Peers, p)
		}
		return err
	}, `SELECT a.id, p.id, `+willing+`, `+graceLeft+these+`package a ON a.id = j.id JOIN peer e ON e.package = a.key JOIN package p ON p.key = e.other JOIN package_state s ON s.package = p.key`, f.list)
}

// unclaimed counts, for packages whose files are still there, those files
// which a group of another stage holds, or which were not looked at yet under
// the active package stages. It looks at members only where a location has either.
func (f *factsOf) unclaimed() {
	f.v.each(func(r scanner) error {
		var id opsdb.ID
		var n int
		err := r.Scan(&id, &n)
		f.at[id].Unclaimed = n
		return err
	}, `SELECT p.id, (SELECT count(DISTINCT m.file) FROM member m JOIN file f ON f.key = m.file WHERE m.package = p.key
	      AND f.state = 'present' AND (NOT f.routed OR EXISTS (SELECT 1 FROM group_file gf WHERE gf.file = m.file)))`+these+`package p ON p.id = j.id
	  WHERE (EXISTS (SELECT 1 FROM file u WHERE NOT u.routed AND u.state = 'present' AND u.homes > 0)
	      OR EXISTS (SELECT 1 FROM file_group g WHERE NOT g.closed AND g.location = p.source AND (g.route <> p.route OR g.stage <> p.stage)))
	    AND EXISTS (SELECT 1 FROM copy c WHERE c.package = p.id AND c.form = 'files' AND c.state NOT IN ('deleted', 'quarantined', 'lost'))`, f.list)
}
