package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// statusJSON is what `dtctl status -o json` prints.
type statusJSON struct {
	Version     int                       `json:"version"`
	Now         time.Time                 `json:"now"`
	Revision    int64                     `json:"revision"`
	TimeSuspect bool                      `json:"time_suspect"`
	Restored    *restoredJSON             `json:"restored,omitempty"`
	Sites       []placeJSON               `json:"sites"`
	Locations   []placeJSON               `json:"locations"`
	Links       []placeJSON               `json:"links"`
	Files       []sumJSON                 `json:"files"`
	Unrouted    int                       `json:"unrouted"`
	Grouped     int                       `json:"grouped"`
	Packages    map[string]int            `json:"packages"`
	Copies      []sumJSON                 `json:"copies"`
	Tasks       map[opsdb.TaskState]int   `json:"tasks"`
	Moves       map[string]map[string]int `json:"moves"`
	Oldest      *time.Time                `json:"oldest_pending,omitempty"`
	Pauses      []string                  `json:"paused"`
	Workers     []workerJSON              `json:"workers"`
	Running     []runningJSON             `json:"running"`
}

// placeJSON is a site, location or link with what is true of it now.
type placeJSON struct {
	Name     string             `json:"name"`
	Type     opsdb.LocationType `json:"type,omitempty"`
	State    string             `json:"state"`
	Text     string             `json:"text,omitempty"`
	Since    *time.Time         `json:"since,omitempty"`
	Used     int64              `json:"used"`
	Reserved int64              `json:"reserved"`
	Capacity int64              `json:"capacity,omitempty"`
	Free     int64              `json:"free,omitempty"`
	InUse    int                `json:"in_use,omitempty"`
	AtOnce   int                `json:"at_once,omitempty"`
	Backlog  int64              `json:"backlog,omitempty"`
}

// sumJSON counts things in one state at one location.
type sumJSON struct {
	Location string          `json:"location"`
	State    opsdb.CopyState `json:"state"`
	Count    int             `json:"count"`
	Bytes    int64           `json:"bytes"`
}

func (a *app) statusCommand() *cobra.Command {
	var redis string
	c := &cobra.Command{
		Use: "status", Short: "Show sites, locations, links, and what is where", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				v, err := statusOf(c.Context(), s)
				if err == nil {
					v.Running, err = runningNow(c.Context(), s, redis)
				}
				if err != nil {
					return fmt.Errorf("read the status: %w", err)
				}
				return a.say(v, func() error { return a.statusText(v) })
			})
		},
	}
	c.Flags().StringVar(&redis, "redis", "", "Redis in which processes show what they do right now: redis://host:port/0 (default: what they last told the database)")
	return c
}

func statusOf(ctx context.Context, s opsdb.Store) (statusJSON, error) {
	w, err := s.World(ctx)
	if err != nil {
		return statusJSON{}, err
	}
	t, err := s.Totals(ctx)
	if err != nil {
		return statusJSON{}, err
	}
	workers, err := s.Workers(ctx)
	if err != nil {
		return statusJSON{}, err
	}
	v := statusJSON{
		Version: opsdb.FormatVersion, Now: w.Now, Revision: w.Revision, TimeSuspect: w.TimeSuspect, Restored: restoredOf(w),
		Sites: []placeJSON{}, Locations: []placeJSON{}, Links: []placeJSON{}, Files: sums(t.Files), Unrouted: t.Unrouted.Count, Grouped: t.Grouped.Count,
		Packages: t.Packages, Copies: sums(t.Copies), Tasks: t.Tasks, Moves: t.Moves, Oldest: timeOrNil(t.OldestPending), Pauses: sorted(w.Pauses), Workers: []workerJSON{},
	}
	for _, name := range sorted(w.Sites) {
		v.Sites = append(v.Sites, siteOf(w.Sites[name]))
	}
	if err := drained(ctx, s, w, v.Sites); err != nil {
		return v, err
	}
	for _, name := range sorted(w.Locations) {
		v.Locations = append(v.Locations, locationOf(w.Locations[name]))
	}
	for _, name := range sorted(w.Links) {
		l := w.Links[name]
		p := placeJSON{Name: name, InUse: l.InUse, Backlog: l.Backlog}
		v.Links = append(v.Links, p.with(l.Down, "up"))
	}
	for _, k := range workers {
		v.Workers = append(v.Workers, workerOf(k, w.Now))
	}
	return v, nil
}

func siteOf(s opsdb.Site) placeJSON {
	state := "up"
	if s.State != "" && s.State != opsdb.SiteActive {
		state = string(s.State)
	}
	return placeJSON{Name: s.Name, InUse: s.InUse, AtOnce: s.Capacity}.with(s.Down, state)
}

func locationOf(l opsdb.Location) placeJSON {
	p := placeJSON{Name: l.Name, Type: l.Type, Used: l.Used, Reserved: l.Reserved, Capacity: l.Capacity, Free: l.Free}
	state := "up"
	if l.Marker == "" {
		state = "not initialised"
		p.Text = "run `dtctl init-location " + l.Name + "`"
	}
	return p.with(l.Down, state)
}

func (p placeJSON) with(down *opsdb.Down, state string) placeJSON {
	p.State = state
	if down != nil {
		p.State, p.Text, p.Since = "down: "+down.Reason, down.Text, timeOrNil(down.Since)
	}
	return p
}

func sorted[V any](m map[string]V) []string {
	out := slices.Sorted(maps.Keys(m))
	if out == nil {
		return []string{}
	}
	return out
}

func sums(m map[string]map[opsdb.CopyState]opsdb.Sum) []sumJSON {
	out := []sumJSON{}
	for loc, states := range m {
		for state, s := range states {
			out = append(out, sumJSON{loc, state, s.Count, s.Bytes})
		}
	}
	slices.SortFunc(out, func(x, y sumJSON) int {
		return cmp.Or(cmp.Compare(x.Location, y.Location), cmp.Compare(x.State, y.State))
	})
	return out
}

func (a *app) statusText(v statusJSON) error {
	if v.Revision == 0 {
		_, err := fmt.Fprintf(a.out, "%s, no routes are in force yet: `dtctl serve` puts them in force\n", v.Now.Format(time.RFC3339))
		return err
	}
	fmt.Fprintf(a.out, "%s, revision %d of the routes\n", v.Now.Format(time.RFC3339), v.Revision)
	if v.Restored != nil {
		fmt.Fprintf(a.out, "THE DATABASE WAS RESTORED (%s, by %s: %s): nothing is deleted or packed until `dtctl inventory` has passed everywhere\n", v.Restored.At.Format(time.RFC3339), v.Restored.Who, v.Restored.Why)
	}
	if v.TimeSuspect {
		fmt.Fprintln(a.out, "THE CLOCK HAS JUMPED: nothing is deleted until `dtctl confirm-time`, or an hour passes quietly")
	}
	a.placesText(v)
	a.workersText(v)
	a.runningText(v)
	a.sumsText("FILES", v.Files)
	if v.Unrouted > 0 {
		fmt.Fprintln(a.out, unroutedText(v.Unrouted))
	}
	a.sumsText("COPIES OF PACKAGES", v.Copies)
	a.movesText(v)
	if v.Oldest != nil {
		fmt.Fprintf(a.out, "\noldest file not in every archive: %s old\n", agoText(v.Now, *v.Oldest))
	}
	return nil
}

func unroutedText(n int) string {
	if n == 1 {
		return "1 file is unrouted: no route selects it"
	}
	return fmt.Sprintf("%d files are unrouted: no route selects them", n)
}

func (a *app) placesText(v statusJSON) {
	var rows [][]any
	row := func(kind string, list []placeJSON) {
		for _, p := range list {
			room := handText(p)
			if kind == "location" {
				room = bytesText(p.Used + p.Reserved)
				if p.Capacity > 0 {
					room += " of " + bytesText(p.Capacity)
				}
			} else if kind == "link" {
				room = fmt.Sprintf("%d under way, %s to go", p.InUse, bytesText(p.Backlog))
			}
			state := p.State
			if p.Since != nil {
				state += ", for " + agoText(v.Now, *p.Since)
			}
			rows = append(rows, []any{kind, p.Name, p.Type, room, state, p.Text})
		}
	}
	row("site", v.Sites)
	row("location", v.Locations)
	row("link", v.Links)
	fmt.Fprintln(a.out)
	a.table([]any{"", "PLACE", "TYPE", "HOLDS", "STATE", ""}, rows)
	for _, p := range v.Pauses {
		fmt.Fprintf(a.out, "paused: %s\n", p)
	}
}

func (a *app) sumsText(title string, list []sumJSON) {
	if len(list) == 0 {
		return
	}
	var rows [][]any
	for _, s := range list {
		rows = append(rows, []any{s.Location, s.State, s.Count, bytesText(s.Bytes)})
	}
	fmt.Fprintln(a.out)
	a.table([]any{title, "STATE", "COUNT", "BYTES"}, rows)
}

func (a *app) movesText(v statusJSON) {
	var rows [][]any
	for _, verdict := range sorted(v.Moves) {
		for _, reason := range sorted(v.Moves[verdict]) {
			rows = append(rows, []any{verdict, strings.ReplaceAll(reason, "_", " "), v.Moves[verdict][reason]})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(a.out)
		a.table([]any{"OPEN MOVES", "REASON", "COUNT"}, rows)
	}
}
