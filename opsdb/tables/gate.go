package tables

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// gate asks opsdb.Deletable for one copy, on what the database knows now, and
// for source files also every peer that holds some of them (S1f).
func gate(v View, p Pack, target opsdb.Copy, self opsdb.ID) ([]opsdb.Receipt, *opsdb.Objection, error) {
	archives, err := archives(v)
	if err != nil {
		return nil, nil, err
	}
	receipts, no, err := gateOf(v, p, target, self, archives)
	if err != nil || no != nil || target.Form != opsdb.Files {
		return receipts, no, err
	}
	no, err = gateOfPeers(v, p, archives)
	return receipts, no, err
}

func gateOf(v View, p Pack, target opsdb.Copy, self opsdb.ID, archives map[string]bool) ([]opsdb.Receipt, *opsdb.Objection, error) {
	policy, ok := p.Policies[target.Location]
	if !ok {
		return nil, &opsdb.Objection{Rule: "S1", Reason: "no_rule", Text: "no rule in force lets a copy at " + target.Location + " go"}, nil
	}
	f := opsdb.GateFacts{Package: p.Package, Target: target, Wanted: p.Wanted, Archives: archives, Policy: policy, Now: v.Now(), Self: self}
	var err error
	if f.Restored, err = IsRestored(v); err != nil {
		return nil, nil, err
	}
	if f.Copies, err = Copies(v, p.ID); err != nil {
		return nil, nil, err
	}
	if f.Tasks, err = Query(v, ScanTask, `SELECT `+TaskColumns+` FROM task t WHERE t.package = $1 AND `+v.Dialect().Open("t"), string(p.ID)); err != nil {
		return nil, nil, err
	}
	if f.Holds, err = Query(v, ScanHold, `SELECT `+HoldColumns+` FROM hold h WHERE h.package = $1`, string(p.ID)); err != nil {
		return nil, nil, err
	}
	if f.Requests, err = Query(v, ScanRequest, `SELECT `+RequestColumns+` FROM staging_request q WHERE q.package = $1 AND q.released_at IS NULL`, string(p.ID)); err != nil {
		return nil, nil, err
	}
	receipts, no := opsdb.Deletable(f)
	return receipts, no, nil
}

// archives are the locations whose copies count: long-term archives of the
// active revision in sites that are not lost.
func archives(v View) (map[string]bool, error) {
	m := map[string]bool{}
	err := v.Rows(func(r Scanner) error {
		var name string
		err := r.Scan(&name)
		m[name] = true
		return err
	}, `SELECT l.name FROM location l JOIN site s ON s.name = `+v.Dialect().SiteOf("l.name")+`
	  WHERE l.type = 'long_term_archive' AND l.active AND s.active AND s.state <> 'lost'`)
	return m, err
}

func gateOfPeers(v View, p Pack, archives map[string]bool) (*opsdb.Objection, error) {
	facts, err := v.Facts([]opsdb.ID{p.ID})
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
		if no, err := gateOfPeer(v, peer.Package, archives); err != nil || no != nil {
			return no, err
		}
	}
	return nil, nil
}

// gateOfPeer asks for the peer's own copy of the files; its own delete task is no reader.
func gateOfPeer(v View, id opsdb.ID, archives map[string]bool) (*opsdb.Objection, error) {
	p, err := PackOf(v, id)
	if err != nil {
		return nil, err
	}
	current, err := Yes(v, `SELECT s.revision = o.revision FROM opsdb o, `+v.Dialect().State+` s WHERE s.`+v.Dialect().StateKey+` = $1`, p.Row)
	if err != nil {
		return nil, err
	}
	if !current {
		return &opsdb.Objection{Rule: "S1f", Reason: "peers", Text: fmt.Sprintf("package %s holds some of the same files, and the routes have changed since it gave them up", id.Short())}, nil
	}
	copies, err := Copies(v, id)
	if err != nil {
		return nil, err
	}
	for _, c := range copies {
		if c.Form != opsdb.Files || !c.Live() {
			continue
		}
		self, err := deleteTask(v, c)
		if err != nil {
			return nil, err
		}
		if _, no, err := gateOf(v, p, c, self, archives); err != nil || no != nil {
			if no != nil {
				no = &opsdb.Objection{Rule: "S1f", Reason: "peers", Text: fmt.Sprintf("package %s holds some of the same files: %s", id.Short(), no.Text)}
			}
			return no, err
		}
	}
	return nil, nil
}

func deleteTask(v View, c opsdb.Copy) (id opsdb.ID, err error) {
	_, err = Get(v, []any{&id}, `SELECT id FROM task WHERE package = $1 AND target_copy = $2 AND type = 'delete' AND `+v.Dialect().Open("task"),
		string(c.Package), string(c.ID))
	return id, err
}
