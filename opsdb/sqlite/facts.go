package sqlite

import (
	"context"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Dirty implements opsdb.Planning.
func (s *Store) Dirty(ctx context.Context, now time.Time, limit int) (facts []opsdb.Facts, err error) {
	err = s.read(ctx, "Dirty", func(v *view) error {
		facts, err = v.dirty(now, limit)
		return err
	})
	return facts, err
}

// dirty reads the packages that are dirty, or due at now.
func (v *view) dirty(now time.Time, limit int) ([]opsdb.Facts, error) {
	dirty, err := query(v, tables.ScanPackage, `SELECT `+packageColumns+` FROM package p WHERE p.version > p.evaluated
	  ORDER BY p.urgent DESC, p.made_at, p.key LIMIT ?`, limitOf(limit))
	if err != nil {
		return nil, err
	}
	due, err := query(v, tables.ScanPackage, `SELECT `+packageColumns+` FROM package p WHERE p.wake_at <= ? ORDER BY p.wake_at LIMIT ?`, us(now), limitOf(limit))
	if err != nil {
		return nil, err
	}
	return v.facts(tables.Merge(dirty, due, limit, func(p pack) opsdb.ID { return p.ID }))
}

// Facts implements opsdb.Planning.
func (s *Store) Facts(ctx context.Context, ids []opsdb.ID) (facts []opsdb.Facts, err error) {
	err = s.read(ctx, "Facts", func(v *view) error {
		facts, err = v.Facts(ids)
		return err
	})
	return facts, err
}

// facts completes packages in a constant number of queries.
func (v *view) facts(packs []pack) ([]opsdb.Facts, error) {
	out := make([]opsdb.Facts, len(packs))
	f := &factsOf{v: v, at: make(map[opsdb.ID]*opsdb.Facts, len(packs))}
	for i, p := range packs {
		out[i] = opsdb.Facts{Package: p.Package, Gone: p.Gone}
		f.at[p.ID] = &out[i]
		f.ids = append(f.ids, p.ID)
	}
	if len(packs) == 0 {
		return out, nil
	}
	f.list = idList(f.ids)
	for _, read := range []func() error{f.copies, f.tasks, f.requests, f.holds, f.resends, f.moves, f.peers, f.unclaimed} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// factsOf fills the facts of several packages.
type factsOf struct {
	v    *view
	at   map[opsdb.ID]*opsdb.Facts
	ids  []opsdb.ID
	list string // ids as JSON
}

// these is the packages asked for, as the outer loop of a join.
const these = ` FROM json_each(?1) j CROSS JOIN `

func (f *factsOf) copies() error {
	rows, err := query(f.v, tables.ScanCopy, `SELECT `+tables.CopyColumns+these+`copy c ON c.package = j.value LEFT JOIN receipt r ON r.key = c.receipt
	  WHERE c.state <> 'deleted' ORDER BY c.id`, f.list)
	for _, c := range rows {
		x := f.at[c.Package]
		x.Copies = append(x.Copies, c)
	}
	return err
}

func (f *factsOf) tasks() error {
	rows, err := query(f.v, tables.ScanTask, `SELECT `+tables.TaskColumns+these+`task t ON t.package = j.value
	  WHERE t.state IN ('pending', 'scheduled', 'in_progress', 'failed') ORDER BY t.id`, f.list)
	for _, t := range rows {
		x := f.at[t.Package]
		x.Tasks = append(x.Tasks, t)
	}
	return err
}

func (f *factsOf) requests() error {
	rows, err := query(f.v, tables.ScanRequest, `SELECT `+tables.RequestColumns+these+`staging_request q ON q.package = j.value ORDER BY q.id`, f.list)
	for _, q := range rows {
		x := f.at[q.Package]
		x.Requests = append(x.Requests, q)
	}
	return err
}

func (f *factsOf) holds() error {
	rows, err := query(f.v, tables.ScanHold, `SELECT `+tables.HoldColumns+these+`hold h ON h.package = j.value ORDER BY h.id`, f.list)
	for _, h := range rows {
		x := f.at[h.Package]
		x.Holds = append(x.Holds, h)
	}
	return err
}

func (f *factsOf) resends() error {
	rows, err := query(f.v, tables.ScanResend, `SELECT `+tables.ResendColumns+these+`resend rs ON rs.package = j.value WHERE rs.ended_at IS NULL ORDER BY rs.id`, f.list)
	for _, s := range rows {
		x := f.at[s.Package]
		x.Resends = append(x.Resends, s)
	}
	return err
}

func (f *factsOf) moves() error {
	rows, err := query(f.v, tables.ScanMove, `SELECT `+tables.MoveColumns+these+`open_move m ON m.package = j.value`, f.list)
	for _, m := range rows {
		x := f.at[m.Package]
		x.Moves = append(x.Moves, m)
	}
	return err
}

// willing is true of a peer p whose own copy of the files is condemned or
// further, or whose files are gone.
const willing = `(p.gone >= p.files OR NOT EXISTS (SELECT 1 FROM copy c WHERE c.package = p.id AND c.form = 'files'
  AND c.state NOT IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress', 'deletion_failed', 'deleted', 'lost')))`

// graceLeft is the rest of a peer's grace in microseconds, at most 0 if it is over.
const graceLeft = `coalesce((SELECT c.condemned_age + coalesce(json_extract(p.policies, '$."' || c.location || '".grace'), 0) / 1000 - (SELECT observed FROM opsdb)
  FROM copy c WHERE c.package = p.id AND c.form = 'files' AND c.state = 'deletion_possible' AND p.gone < p.files), 0)`

func (f *factsOf) peers() error {
	_, err := query(f.v, func(r scanner) (none, error) {
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
		return none{}, err
	}, `SELECT a.id, p.id, `+willing+`, `+graceLeft+these+`package a ON a.id = j.value JOIN peer e ON e.package = a.key JOIN package p ON p.key = e.other`, f.list)
	return err
}

// unclaimed counts, for packages whose files are still there, those files
// which a group of another stage holds, or which were not looked at yet under
// the active package stages. It looks at members only where a location has either.
func (f *factsOf) unclaimed() error {
	_, err := query(f.v, func(r scanner) (none, error) {
		var id opsdb.ID
		var n int
		err := r.Scan(&id, &n)
		f.at[id].Unclaimed = n
		return none{}, err
	}, `SELECT p.id, count(DISTINCT m.file)`+these+`package p ON p.id = j.value
	    JOIN copy c ON c.package = p.id AND c.form = 'files' AND c.state NOT IN ('deleted', 'quarantined', 'lost')
	    CROSS JOIN member m ON m.package = p.key JOIN file f ON f.key = m.file
	  WHERE f.state = 'present' AND (f.routed = 0 OR EXISTS (SELECT 1 FROM group_file gf WHERE gf.file = m.file))
	    AND (EXISTS (SELECT 1 FROM file_group g WHERE g.closed = 0 AND g.location = p.source AND (g.route <> p.route OR g.stage <> p.stage))
	      OR EXISTS (SELECT 1 FROM file u WHERE u.routed = 0 AND u.state = 'present' AND u.homes > 0))
	  GROUP BY p.id`, f.list)
	return err
}
