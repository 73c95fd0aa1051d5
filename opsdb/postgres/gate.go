package postgres

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// gate asks opsdb.Deletable for one copy, on what the database knows now, and
// for source files also every peer that holds some of them (S1f).
func (v *view) gate(p pack, target opsdb.Copy, self opsdb.ID) ([]opsdb.Receipt, *opsdb.Objection, error) {
	archives, err := v.archives()
	if err != nil {
		return nil, nil, err
	}
	receipts, no, err := v.gateOf(p, target, self, archives)
	if err != nil || no != nil || target.Form != opsdb.Files {
		return receipts, no, err
	}
	no, err = v.gateOfPeers(p, archives)
	return receipts, no, err
}

func (v *view) gateOf(p pack, target opsdb.Copy, self opsdb.ID, archives map[string]bool) ([]opsdb.Receipt, *opsdb.Objection, error) {
	policy, ok := p.Policies[target.Location]
	if !ok {
		return nil, &opsdb.Objection{Rule: "S1", Reason: "no_rule", Text: "no rule in force lets a copy at " + target.Location + " go"}, nil
	}
	f := opsdb.GateFacts{Package: p.Package, Target: target, Wanted: p.Wanted, Archives: archives, Policy: policy, Now: v.now, Self: self}
	var err error
	if f.Restored, err = v.isRestored(); err != nil {
		return nil, nil, err
	}
	if f.Copies, err = tables.Copies(v, p.ID); err != nil {
		return nil, nil, err
	}
	if f.Tasks, err = query(v, tables.ScanTask, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.package = $1 AND t.open`, string(p.ID)); err != nil {
		return nil, nil, err
	}
	if f.Holds, err = query(v, tables.ScanHold, `SELECT `+tables.HoldColumns+` FROM hold h WHERE h.package = $1`, string(p.ID)); err != nil {
		return nil, nil, err
	}
	if f.Requests, err = query(v, tables.ScanRequest, `SELECT `+tables.RequestColumns+` FROM staging_request q WHERE q.package = $1 AND q.released_at IS NULL`, string(p.ID)); err != nil {
		return nil, nil, err
	}
	receipts, no := opsdb.Deletable(f)
	return receipts, no, nil
}

// archives are the locations whose copies count: long-term archives of the
// active revision in sites that are not lost.
func (v *view) archives() (map[string]bool, error) {
	m := map[string]bool{}
	_, err := query(v, func(r scanner) (none, error) {
		var name string
		err := r.Scan(&name)
		m[name] = true
		return none{}, err
	}, `SELECT l.name FROM location l JOIN site s ON s.name = split_part(l.name, '.', 1)
	  WHERE l.type = 'long_term_archive' AND l.active AND s.active AND s.state <> 'lost'`)
	return m, err
}

func (v *view) gateOfPeers(p pack, archives map[string]bool) (*opsdb.Objection, error) {
	facts, err := v.facts([]opsdb.ID{p.ID})
	if err != nil {
		return nil, err
	}
	if n := facts[0].Unclaimed; n > 0 {
		return &opsdb.Objection{Rule: "S1f", Reason: "unclaimed_files", Text: fmt.Sprintf("%d of its files belong to another route too, which has not packed them yet", n)}, nil
	}
	for _, peer := range facts[0].Peers {
		if !peer.Willing {
			return &opsdb.Objection{Rule: "S1f", Reason: "peers", Text: fmt.Sprintf("package %s holds some of the same files and keeps them", peer.Package.Short())}, nil
		}
		if no, err := v.gateOfPeer(peer.Package, archives); err != nil || no != nil {
			return no, err
		}
	}
	return nil, nil
}

// gateOfPeer asks for the peer's own copy of the files; its own delete task is no reader.
func (v *view) gateOfPeer(id opsdb.ID, archives map[string]bool) (*opsdb.Objection, error) {
	p, err := tables.PackOf(v, id)
	if err != nil {
		return nil, err
	}
	current, err := v.yes(`SELECT s.revision = o.revision FROM opsdb o, package_state s WHERE s.package = $1`, p.Row)
	if err != nil {
		return nil, err
	}
	if !current {
		return &opsdb.Objection{Rule: "S1f", Reason: "peers", Text: fmt.Sprintf("package %s holds some of the same files, and the routes have changed since it gave them up", id.Short())}, nil
	}
	copies, err := tables.Copies(v, id)
	if err != nil {
		return nil, err
	}
	for _, c := range copies {
		if c.Form != opsdb.Files || !c.Live() {
			continue
		}
		self, err := v.deleteTask(c)
		if err != nil {
			return nil, err
		}
		if _, no, err := v.gateOf(p, c, self, archives); err != nil || no != nil {
			if no != nil {
				no = &opsdb.Objection{Rule: "S1f", Reason: "peers", Text: fmt.Sprintf("package %s holds some of the same files: %s", id.Short(), no.Text)}
			}
			return no, err
		}
	}
	return nil, nil
}

func (v *view) deleteTask(c opsdb.Copy) (id opsdb.ID, err error) {
	_, err = v.get([]any{&id}, `SELECT id FROM task WHERE package = $1 AND target_copy = $2 AND type = 'delete' AND open`,
		string(c.Package), string(c.ID))
	return id, err
}
