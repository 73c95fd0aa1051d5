package opsdbtest

import (
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// move is a ready move of a package.
func (d *desk) move(p opsdb.Package, stage, typ, from, to string) opsdb.OpenMove {
	d.Helper()
	link := ""
	if a, b := opsdb.SiteOf(from), opsdb.SiteOf(to); a != b {
		link = opsdb.LinkName(a, b)
	}
	m := opsdb.OpenMove{Package: p.ID, Route: p.Route, Stage: stage, Type: typ, From: from, To: to, Link: link, Verdict: "ready",
		Class: opsdb.Fresh, Number: p.Number, MadeAt: p.MadeAt, Bytes: 500, SendSite: opsdb.SiteOf(from), ReceiveSite: opsdb.SiteOf(to)}
	if c := d.copyAt(p.ID, from); c.ID != "" {
		m.SourceCopy = c.ID
	}
	if typ == "verify" || typ == "delete" {
		c := d.copyAt(p.ID, to)
		m.SourceCopy, m.TargetCopy, m.Form = "", c.ID, c.Form
	}
	return m
}

// policy is what deletions of the tests must respect.
func policy() opsdb.Policy {
	return opsdb.Policy{Require: 2, Fresh: 100 * 24 * time.Hour, Grace: time.Hour, Brake: opsdb.Spent{Bytes: 1 << 40, Packages: 1000}}
}

// evaluation of a package as it is now; nothing is wanted, anything may go by policy.
func (d *desk) evaluation(p opsdb.Package, moves ...opsdb.OpenMove) opsdb.Evaluation {
	d.Helper()
	policies := map[string]opsdb.Policy{}
	for _, l := range places().Locations {
		policies[l.Name] = policy()
	}
	return opsdb.Evaluation{Package: p.ID, Version: d.facts(p.ID).Package.Version, Moves: moves, Policies: policies}
}

// save writes an evaluation and gives back its moves with their version.
func (d *desk) save(e opsdb.Evaluation) []opsdb.OpenMove {
	d.Helper()
	left, err := d.store.Save(d.Context(), d.rev, []opsdb.Evaluation{e})
	d.check(err)
	if len(left) != 0 {
		d.Fatalf("left out: %v", left)
	}
	return d.facts(e.Package).Moves
}

// grant is a grant of a move without limits.
func grant(m opsdb.OpenMove) opsdb.Grant {
	g := opsdb.Grant{Move: m, Path: "raw/obs/p.tar", Form: opsdb.Tar, ClaimBy: claimBy, Piece: opsdb.Whole}
	if m.Link != "" {
		g.Piece, g.Slots = opsdb.Send, map[string]int{"link:" + m.Link: 2}
	}
	return g
}

// try dispatches one grant.
func (d *desk) try(g opsdb.Grant) opsdb.Dispatched {
	d.Helper()
	out, err := d.store.Dispatch(d.Context(), d.rev, []opsdb.Grant{g})
	d.check(err)
	return out[0]
}

// schedule saves a move and dispatches it.
func (d *desk) schedule(p opsdb.Package, stage, typ, from, to string) opsdb.Task {
	d.Helper()
	moves := d.save(d.evaluation(p, d.move(p, stage, typ, from, to)))
	out := d.try(grant(moves[0]))
	if out.Refusal != opsdb.Granted {
		d.Fatalf("%s to %s refused: %s, %s", stage, to, out.Refusal, out.Text)
	}
	return out.Task
}

func (d *desk) claim(id opsdb.ID) opsdb.Assignment {
	d.Helper()
	a, err := d.store.Claim(d.Context(), id, "w", lease)
	d.check(err)
	return *a
}

// reading is a receipt of the target of an assignment.
func reading(a opsdb.Assignment, digest opsdb.Digest, size int64) opsdb.Receipt {
	return opsdb.Receipt{ID: opsdb.NewID(), Package: a.Package.ID, Location: a.Task.To, Path: a.Target.Path, Digest: digest, Size: size,
		Worker: "w", Task: a.Task.ID, Token: a.Task.Token, Medium: opsdb.FromMedium, Version: opsdb.FormatVersion}
}

// tarDigest is the digest of every package of the tests.
const tarDigest = opsdb.Digest("aa11")

// good is an outcome whose target stands, read back and right.
func good(a opsdb.Assignment, state opsdb.CopyState) opsdb.Outcome {
	return opsdb.Outcome{Target: &opsdb.CopyFact{State: state, Size: 500}, Receipts: []opsdb.Receipt{reading(a, tarDigest, 500)}}
}

func (d *desk) finish(a opsdb.Assignment, out opsdb.Outcome) opsdb.Task {
	d.Helper()
	t, err := d.store.Finish(d.Context(), a.Task.ID, a.Task.Token, out)
	d.check(err)
	return t
}

// packed carries a package through its package stage.
func (d *desk) packed(n int) opsdb.Package {
	d.Helper()
	p := d.pack(n)
	a := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer").ID)
	d.finish(a, d.born(a))
	return d.facts(p.ID).Package
}

// born records the digests of all members and returns the outcome of a finished tar.
func (d *desk) born(a opsdb.Assignment) opsdb.Outcome {
	d.Helper()
	var members []opsdb.Member
	for m, err := range d.store.Members(d.Context(), a.Package.ID) {
		d.check(err)
		m.Name, m.Digest, m.Offset = "data/"+m.Path, "bb22", 512
		members = append(members, m)
	}
	d.check(d.store.RecordMembers(d.Context(), a.Task.ID, a.Task.Token, members))
	out := good(a, opsdb.Present)
	out.Packed = &opsdb.Packed{Size: 500, Digest: tarDigest, Segments: []opsdb.Digest{"cc33"}, Manifest: "dd44"}
	return out
}

// bring makes a verified copy of a package at a place.
func (d *desk) bring(p opsdb.Package, stage, typ, from, to string) {
	d.Helper()
	a := d.claim(d.schedule(p, stage, typ, from, to).ID)
	if a.Task.Piece == opsdb.Send {
		next := d.finish(a, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 500}})
		a = d.claim(next.ID)
	}
	state := opsdb.Present
	if typ == "stage" {
		state = opsdb.Staged
	}
	d.finish(a, good(a, state))
}

// archived is a package in both archives.
func (d *desk) archived(n int) opsdb.Package {
	d.Helper()
	p := d.packed(n)
	d.bring(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	d.bring(p, "archive", "archive", "cologne.buffer", "cologne.lta")
	d.bring(p, "replicate", "transfer", "cologne.buffer", "cornell.buffer")
	d.bring(p, "archive", "archive", "cornell.buffer", "cornell.lta")
	return d.facts(p.ID).Package
}

// condemn condemns the copy at a place.
func (d *desk) condemn(p opsdb.Package, location string) {
	d.Helper()
	e := d.evaluation(p)
	e.Condemn = []opsdb.ID{d.copyAt(p.ID, location).ID}
	d.save(e)
	d.stateAt(p.ID, location, opsdb.DeletionPossible)
}

// remove carries a deletion through, and says how it was refused if it was.
func (d *desk) remove(p opsdb.Package, location string) opsdb.Dispatched {
	d.Helper()
	moves := d.save(d.evaluation(p, d.move(p, "delete", "delete", location, location)))
	return d.try(grant(moves[0]))
}
