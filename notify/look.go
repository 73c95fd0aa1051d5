package notify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Look reads OpsDB once and queues what is to be said. If it fails, nothing is
// queued of what it could not read; the next Look finds it.
func (n *Notifier) Look(ctx context.Context) error {
	n.looking.Lock()
	defer n.looking.Unlock()
	w, err := n.source.World(ctx)
	if err != nil {
		return fmt.Errorf("read the world: %w", err)
	}
	totals, err := n.source.Totals(ctx)
	if err != nil {
		return fmt.Errorf("read the totals: %w", err)
	}
	blocked, err := n.blocked(ctx, totals)
	if err != nil {
		return fmt.Errorf("read what is blocked: %w", err)
	}
	before, next := n.snapshot(), n.snapshot()
	next.restored(w.Epoch)
	if err := n.events(ctx, &next, w.Now); err != nil {
		return err
	}
	if err := n.chain(ctx, &next, w.Now); err != nil {
		return err
	}
	next.compare(levels(w, totals, blocked), w.Now, Blocked, Brake, TimeSuspect, Restored)
	next.compare(next.outages(w, n.cfg), w.Now, Down)
	n.name(ctx, next.said)
	return n.commit(ctx, before, next)
}

// own are reasons for which a person gave the order, or is told otherwise.
func own(reason string) bool {
	return reason == "held" || reason == "paused" || reason == "quarantined"
}

const page = 1000

// blocked are the open moves that wait for a person; nothing is read if none does.
func (n *Notifier) blocked(ctx context.Context, totals opsdb.Totals) (out []opsdb.OpenMove, err error) {
	more := false
	for reason, count := range totals.Moves["blocked"] {
		more = more || count > 0 && !own(reason)
	}
	for q := (opsdb.Query{State: "blocked", Limit: page}); more; {
		moves, err := n.source.OpenMoves(ctx, q)
		if err != nil {
			return nil, err
		}
		more = len(moves) >= q.Limit
		whole := moves
		if more { // the moves of the last package may go on: read it again with the next page
			last := moves[len(moves)-1].Package
			whole = moves[:slices.IndexFunc(moves, func(m opsdb.OpenMove) bool { return m.Package == last })]
			if len(whole) == 0 {
				q.Limit *= 2
				continue
			}
			q.After, q.Limit = whole[len(whole)-1].Package, page
		}
		for _, m := range whole {
			if m.Verdict == "blocked" && !own(m.Reason) {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

// levels are the things that are so now, whatever happened before.
func levels(w opsdb.World, totals opsdb.Totals, blocked []opsdb.OpenMove) []Notice {
	var out []Notice
	for _, m := range blocked {
		what := m.From + " → " + m.To
		if m.From == m.To {
			what = "at " + m.To
		}
		out = append(out, Notice{
			Key:   strings.Join([]string{string(Blocked), string(m.Package), m.Route, m.Stage, m.From, m.To, m.Reason}, "|"),
			Cause: Blocked, Subject: "package:" + string(m.Package), Package: m.Package, Route: m.Route, Stage: m.Stage,
			From: m.From, To: m.To, Reason: m.Reason, Since: m.Since,
			Text: fmt.Sprintf("%s/%s %s is blocked: %s", m.Route, m.Stage, what, m.Reason), Hint: m.Text,
		})
	}
	if count := totals.Moves["waiting"]["brake"]; count > 0 {
		out = append(out, Notice{Key: string(Brake), Cause: Brake, Subject: "brake", Since: w.Now,
			Text: fmt.Sprintf("%d deletions wait for the brake%s", count, spent(w.Deleted)),
			Hint: "look whether so much should be deleted; it goes on by itself, within the brake of the route"})
	}
	if w.Restored != nil {
		out = append(out, Notice{Key: string(Restored), Cause: Restored, Subject: "opsdb", Since: w.Restored.At,
			Text: "the database was put back to an earlier time: nothing is deleted or packed: " + w.Restored.Why,
			Hint: "`dtctl inventory` at every site; when all have passed it goes on"})
	}
	if w.TimeSuspect {
		out = append(out, Notice{Key: string(TimeSuspect), Cause: TimeSuspect, Subject: "time", Since: w.Now,
			Text: "the database's clock jumped: nothing is condemned and grace stands still",
			Hint: "look at the clocks, then `dtctl confirm-time`; one quiet hour confirms it too"})
	}
	return out
}

func spent(deleted map[string]opsdb.Spent) string {
	var parts []string
	for _, l := range slices.Sorted(maps.Keys(deleted)) {
		if s := deleted[l]; s.Packages > 0 {
			parts = append(parts, fmt.Sprintf("%s %d packages, %d bytes", l, s.Packages, s.Bytes))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "; within an hour it let pass: " + strings.Join(parts, "; ")
}

// outages are the places that have been down for long enough to be said. What
// comes up for a moment only, such as a link that is probed, stays down.
func (s *state) outages(w opsdb.World, cfg Config) (out []Notice) {
	now := downs(w)
	for subject, d := range now {
		seen, known := s.Watched[subject]
		if !known {
			seen.Since = w.Now
		}
		s.Watched[subject] = watched{Since: seen.Since, Reason: d.Reason, Text: d.Text}
	}
	for _, subject := range slices.Sorted(maps.Keys(s.Watched)) {
		seen := s.Watched[subject]
		if _, down := now[subject]; !down {
			if seen.UpSince.IsZero() {
				seen.UpSince = w.Now
				s.Watched[subject] = seen
			}
			if w.Now.Sub(seen.UpSince) >= cfg.UpFor {
				delete(s.Watched, subject)
				continue
			}
		}
		if w.Now.Sub(seen.Since) >= cfg.DownFor {
			out = append(out, outage(subject, seen))
		}
	}
	return out
}

func outage(subject string, seen watched) Notice {
	kind, name, _ := strings.Cut(subject, ":")
	n := Notice{Key: string(Down) + "|" + subject, Cause: Down, Subject: subject, Reason: seen.Reason, Since: seen.Since,
		Text: fmt.Sprintf("%s %s is down (%s) since %s", kind, name, cmp.Or(seen.Text, seen.Reason), seen.Since.Format(time.RFC3339)),
		Hint: "work goes on by itself once it is back; `dtctl status` shows what waits"}
	if kind == "location" {
		n.Location = name
	}
	return n
}

// downs is what is down now. A place at a site that is down is not said as well.
func downs(w opsdb.World) map[string]opsdb.Down {
	out := map[string]opsdb.Down{}
	gone := map[string]bool{}
	for name, s := range w.Sites {
		if gone[name] = s.Down != nil || s.State != opsdb.SiteActive; s.Down != nil && s.State == opsdb.SiteActive {
			out["site:"+name] = *s.Down
		}
	}
	for name, l := range w.Locations {
		if l.Down != nil && !gone[opsdb.SiteOf(name)] {
			out["location:"+name] = *l.Down
		}
	}
	for name, l := range w.Links {
		if l.Down != nil && !gone[l.From] && !gone[l.To] {
			out["link:"+name] = *l.Down
		}
	}
	return out
}

// name fills in what people call the packages that are spoken of. A package that cannot be found keeps its id.
func (n *Notifier) name(ctx context.Context, said []Notice) {
	names := map[opsdb.ID]string{}
	for i := range said {
		s := &said[i]
		if s.Package == "" || s.Name != "" {
			continue
		}
		if _, asked := names[s.Package]; !asked {
			p, err := n.source.FindPackage(ctx, string(s.Package))
			names[s.Package] = p.Name
			if err != nil {
				names[s.Package] = string(s.Package)
			}
		}
		s.Name = names[s.Package]
		s.Text = s.Name + ": " + s.Text
	}
}
