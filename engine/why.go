package engine

import (
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// Explanation answers "why is this not moving?" for one package. It is a
// versioned format.
type Explanation struct {
	Version   int         `json:"version"`
	Package   PackageLine `json:"package"`
	Headline  string      `json:"headline"`
	Copies    []CopyLine  `json:"copies"`
	Wanted    []string    `json:"wanted"` // wanted places and places on a chosen way
	Decisions []Explained `json:"decisions"`
	Tasks     []TaskLine  `json:"tasks,omitempty"`
	Resends   []OrderLine `json:"resends,omitempty"`  // sites it may leave for again, by order of a person
	NextLook  time.Time   `json:"next_look,omitzero"` // when it is looked at again by itself
	WaitsFor  []string    `json:"waits_for,omitempty"`
	counts    map[Verdict]int
}

// PackageLine is what an explanation says of the package itself.
type PackageLine struct {
	ID          opsdb.ID     `json:"id"`
	Name        string       `json:"name"`
	Route       string       `json:"route"`
	Number      int64        `json:"number"`
	Source      string       `json:"source"`
	Files       int          `json:"files"`
	Bytes       int64        `json:"bytes"`
	Size        int64        `json:"size"`
	Digest      opsdb.Digest `json:"digest,omitempty"`
	MadeAt      time.Time    `json:"made_at"`
	Quarantined string       `json:"quarantined,omitempty"`
}

// CopyLine is one copy.
type CopyLine struct {
	Location   string          `json:"location"`
	State      opsdb.CopyState `json:"state"`
	Form       opsdb.Form      `json:"form"`
	Path       string          `json:"path,omitempty"`
	Size       int64           `json:"size"`
	VerifiedAt time.Time       `json:"verified_at,omitzero"`
	LastRead   time.Time       `json:"last_read,omitzero"`
	Reason     string          `json:"reason,omitempty"`
}

// OrderLine is an open order of a person about a site.
type OrderLine struct {
	Site string    `json:"site"`
	Who  string    `json:"who"`
	Why  string    `json:"why,omitempty"`
	At   time.Time `json:"at"`
}

// TaskLine is one open or failed task.
type TaskLine struct {
	ID       opsdb.ID        `json:"id"`
	Stage    string          `json:"stage"`
	From     string          `json:"from"`
	To       string          `json:"to"`
	State    opsdb.TaskState `json:"state"`
	Attempts int             `json:"attempts"`
	Worker   string          `json:"worker,omitempty"`
	Failure  string          `json:"failure,omitempty"`
	NextTry  time.Time       `json:"next_try,omitzero"`
}

// Explained is a decision with what its reason means.
type Explained struct {
	Decision
	Meaning string `json:"meaning"`
	Remedy  string `json:"remedy"` // what would make it move
}

// Why evaluates one package as production does, but walks all gates of every
// move. What Dispatch refused last is shown as it was recorded.
func Why(g *graph.Graph, w opsdb.World, f opsdb.Facts, now time.Time) Explanation {
	v := newView(g, &w, &f, now, archivesOf(g))
	v.explain = true
	res := evaluate(v)
	x := Explanation{Version: opsdb.FormatVersion, Package: packageLine(f.Package), Wanted: res.Wanted,
		NextLook: res.WakeAt, WaitsFor: res.Causes, counts: map[Verdict]int{}}
	for _, c := range f.Copies {
		x.Copies = append(x.Copies, copyLine(c))
	}
	for _, t := range f.Tasks {
		x.Tasks = append(x.Tasks, taskLine(t))
	}
	for _, r := range f.Resends {
		x.Resends = append(x.Resends, OrderLine{Site: r.Site, Who: r.Who, Why: r.Why, At: r.At})
	}
	for _, d := range res.Decisions {
		d = v.lastRefused(d)
		m := d.Reason.Meaning()
		x.Decisions = append(x.Decisions, Explained{d, m.Text, m.Remedy})
		x.counts[d.Verdict]++
	}
	x.Headline = x.headline(f)
	return x
}

// lastRefused shows a ready move as waiting if that is what Dispatch made of it.
func (v *view) lastRefused(d Decision) Decision {
	old := v.previous(d.Stage, d.From, d.To)
	if d.Reason != CanGo || old == nil || !refused(Reason(old.Reason)) {
		return d
	}
	d.Reason, d.Verdict, d.Text, d.Since = Reason(old.Reason), Reason(old.Reason).Verdict(), old.Text, old.Since
	return d
}

func packageLine(p opsdb.Package) PackageLine {
	return PackageLine{ID: p.ID, Name: p.Name, Route: p.Route, Number: p.Number, Source: p.Source, Files: p.Files, Bytes: p.Bytes,
		Size: p.Size, Digest: p.Digest, MadeAt: p.MadeAt, Quarantined: p.Quarantined}
}

func copyLine(c opsdb.Copy) CopyLine {
	l := CopyLine{Location: c.Location, State: c.State, Form: c.Form, Path: c.Path, Size: c.Size, VerifiedAt: c.VerifiedAt, Reason: c.Reason}
	if c.Receipt != nil {
		l.LastRead = c.Receipt.At
	}
	return l
}

func taskLine(t opsdb.Task) TaskLine {
	l := TaskLine{ID: t.ID, Stage: t.Stage, From: t.From, To: t.To, State: t.State, Attempts: t.Attempts, Worker: t.Worker, NextTry: t.NextTry}
	if t.Failure != nil {
		l.Failure = string(t.Failure.Class) + ": " + t.Failure.Text
	}
	return l
}

// headline is the one sentence one looks for at two in the morning: what needs
// a person first, then what is under way, then what is waited for.
func (x Explanation) headline(f opsdb.Facts) string {
	for _, v := range []Verdict{Blocked, Running, Ready, Waiting} {
		i := slices.IndexFunc(x.Decisions, func(d Explained) bool { return d.Verdict == v && d.Type != typeDelete && d.Type != typeVerify })
		if i >= 0 {
			d := x.Decisions[i]
			return string(v) + ": " + d.Stage + " to " + d.To + ", " + d.Meaning + withText(d.Text)
		}
	}
	if x.counts[Blocked] > 0 {
		return "where it is wanted, but something else is blocked; see below"
	}
	if f.Package.Superseded() {
		return "superseded: " + Superseded.Meaning().Text
	}
	if f.Package.Packed() {
		return "at every place where it is wanted"
	}
	return "nothing is wanted of it"
}

func withText(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// termsOf is an expression as a labelled list.
func termsOf(p *expr.Program, env expr.Env) []Term {
	terms := p.Terms(env)
	out := make([]Term, len(terms))
	for i, t := range terms {
		out[i] = Term{t.Text, t.Value, t.Holds}
	}
	return out
}
