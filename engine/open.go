package engine

import (
	"fmt"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
)

// openness answers what is down, paused or full, for evaluation and dispatch alike.
type openness struct {
	g   *graph.Graph
	w   *opsdb.World
	pkg opsdb.ID // who asks: a half-open breaker lets one package through
}

func (v *view) openness() openness { return openness{v.g, v.w, v.p.ID} }

// downSite says why a site cannot be used.
func (o openness) downSite(name string) shut {
	s := o.w.Sites[name]
	if s.Down == nil {
		return shut{}
	}
	return shut{reason: SiteDown, text: downText("site "+name, s.Down), cause: "site:" + name}
}

// downLocation says why a location cannot be used so: its own fault or its site's.
func (o openness) downLocation(name string, u opsdb.Use) shut {
	if s := o.downSite(opsdb.SiteOf(name)); !s.open() {
		return s
	}
	l := o.w.Locations[name]
	if l.Down.Open(o.pkg) || !l.Down.Hinders(u) {
		return shut{}
	}
	s := shut{reason: LocationDown, text: downText(name, l.Down), cause: "location:" + name}
	if l.Down.Reason == "full" {
		s.reason = LocationFull
	}
	return s
}

// downLink says why a link cannot be used: its own fault or that of an end.
func (o openness) downLink(l *graph.Link) shut {
	if l == nil {
		return shut{}
	}
	for _, site := range []string{l.From.Name, l.To.Name} {
		if s := o.downSite(site); !s.open() {
			return s
		}
	}
	if d := o.w.Links[l.Name()].Down; !d.Open(o.pkg) {
		return shut{reason: LinkDown, text: downText("link "+l.Name(), d), cause: "link:" + l.Name()}
	}
	return shut{}
}

func downText(what string, d *opsdb.Down) string {
	text := what + ": " + d.Reason
	if d.Text != "" {
		text += ", " + d.Text
	}
	text += " since " + stamp(d.Since)
	switch {
	case d.Probe != "":
		text += "; package " + d.Probe.Short() + " tries it"
	case !d.Next.IsZero():
		text += "; next probe " + stamp(d.Next)
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// pausedMove says which pause holds a move back. The subjects are walked
// from the widest to the narrowest.
func (o openness) pausedMove(route *graph.Route, stage string, from, to string, link *graph.Link) shut {
	if route.State == "paused" {
		return shut{reason: Paused, text: "route " + route.Name + " is paused in its file"}
	}
	subjects := []string{"route:" + route.Name, "stage:" + route.Name + "/" + stage}
	for _, at := range []string{from, to} {
		subjects = append(subjects, "location:"+at, "site:"+opsdb.SiteOf(at))
	}
	if link != nil {
		subjects = append(subjects, "link:"+link.Name())
	}
	for _, s := range subjects {
		if p, ok := o.w.Pauses[s]; ok {
			return shut{reason: Paused, text: fmt.Sprintf("%s paused by %s: %s", s, p.Who, p.Why), cause: "pause:" + s}
		}
	}
	return shut{}
}

// downMove says what of a move of a stage's type is down: what is read, what is written, or the link between.
func (o openness) downMove(stage, from, to string, link *graph.Link) shut {
	for _, s := range []shut{o.downLocation(from, opsdb.Reads), o.downLink(link), o.downLocation(to, useOf(stage))} {
		if !s.open() {
			return s
		}
	}
	return shut{}
}

// useOf is what a stage's type does where it goes to.
func useOf(stage string) opsdb.Use {
	switch stage {
	case typeVerify:
		return opsdb.Reads
	case typeDelete:
		return opsdb.Removes
	}
	return opsdb.Writes
}

// roomLimit is how many bytes CDT may have at a location, used and reserved;
// known is false if nothing limits it. What a worker last saw free is
// believed only as far as it is less than the capacity allows.
func (o openness) roomLimit(name string) (limit int64, known bool) {
	l := o.w.Locations[name]
	capacity := l.Capacity
	if capacity == 0 && o.g.Locations[name] != nil {
		capacity = o.g.Locations[name].Capacity
	}
	if capacity > 0 {
		limit, known = capacity, true
	}
	if l.Total > 0 && l.Free >= 0 {
		if seen := l.Used + l.Free; !known || seen < limit {
			limit, known = seen, true
		}
	}
	return limit, known
}
