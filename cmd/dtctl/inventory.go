package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
)

// stocktaking is the settings of one `dtctl inventory`.
type stocktaking struct {
	*app
	o      order
	sites  []string
	accept bool
}

func (a *app) inventoryCommand() *cobra.Command {
	s := stocktaking{app: a}
	c := &cobra.Command{
		Use: "inventory [LOCATION...]", Short: "List what is at locations and hold it against the database", Args: cobra.ArbitraryArgs,
		Long: `Lists what is at each location and holds it against the database. A copy that is not there is lost, and made anew from the others; a source file that
is not there is missing. A package of which the database knows nothing is shown: it was made after the back-up from which a database was put back.
Nothing is changed on the disks. Run it where the disks are: at each site with --site; a site's disk elsewhere is reached over its link.

When a restored database (` + "`dtctl restored`" + `) has the inventory of every location, it is trusted again. Unknown packages stand in the way
until a person has looked and takes them as they are: --accept --why TEXT. They stay where they are; their numbers are not given again.
On PostgreSQL it needs the rights of an engine.`,
		Example: "  dtctl inventory\n  dtctl inventory --site cologne\n  dtctl inventory cologne.lta --accept --why 'packed on the 3rd, after the dump'",
		RunE: func(c *cobra.Command, args []string) error {
			if s.accept && s.o.why == "" {
				return misuse("say what you saw: --why '…'; it goes into the audit log", "why are unknown packages taken as they are?")
			}
			return a.withStore(c.Context(), func(store opsdb.Store) error { return s.run(c.Context(), store, args) })
		},
	}
	s.o.flags(c)
	c.Flags().StringSliceVar(&s.sites, "site", nil, "the locations of these sites")
	c.Flags().BoolVar(&s.accept, "accept", false, "take packages as they are that the database does not know")
	return c
}

// inventoryJSON is what was found at one location.
type inventoryJSON struct {
	Location string   `json:"location"`
	Found    int      `json:"found"`
	Missing  []string `json:"missing"`
	Unknown  []string `json:"unknown"`
	Ahead    int      `json:"ahead"` // known packages that the database does not know to be here
	New      int      `json:"new"`   // source files not filed yet
	Busy     int      `json:"busy"`  // deletions under way
	Passed   bool     `json:"passed"`
	Error    string   `json:"error,omitempty"`
}

func (s *stocktaking) run(ctx context.Context, store opsdb.Store, names []string) error {
	g, _, err := node.Active(ctx, store)
	switch {
	case errors.Is(err, opsdb.ErrNotFound):
		return misuse("an engine puts them into force: `dtctl serve --routes FOLDER`", "no routes are in force yet: there are no locations to look at")
	case err != nil:
		return err
	}
	for _, name := range names {
		if g.Locations[name] == nil {
			return misuse("`dtctl status` shows the locations", "no location %q in the routes", name)
		}
	}
	places := node.NewPlaces(g, store, clock.System{})
	places.Credentials, places.Sites = s.credentials(), s.sites
	var out []inventoryJSON
	good := true
	for _, name := range sorted(g.Locations) {
		if !s.asked(name, names) {
			continue
		}
		line := s.one(ctx, store, places, name)
		good = good && line.Passed
		out = append(out, line)
	}
	trusted, err := s.trust(ctx, store)
	if err != nil {
		return err
	}
	if err := s.show(out, trusted); err != nil {
		return err
	}
	if !good {
		return errFound
	}
	return nil
}

func (s *stocktaking) asked(location string, names []string) bool {
	return (len(names) == 0 || slices.Contains(names, location)) && (len(s.sites) == 0 || slices.Contains(s.sites, opsdb.SiteOf(location)))
}

// one takes the inventory of a location and records it, unless it could not be looked at as a whole.
func (s *stocktaking) one(ctx context.Context, store opsdb.Store, places *node.Places, name string) inventoryJSON {
	i, err := node.TakeInventory(ctx, store, places, name)
	line := inventoryJSON{Location: name, Found: i.Found, Missing: list(i.Missing), Unknown: list(i.Unknown), Ahead: i.Ahead, New: i.New, Busy: i.Busy}
	if err == nil && i.Busy == 0 {
		i.Who = person(s.o.who)
		if s.accept {
			i.Accepted = s.o.why
		}
		err = store.Inventoried(ctx, i.Inventory)
		line.Passed = err == nil && i.Passed()
	}
	if err != nil {
		line.Error = err.Error()
	}
	return line
}

func list(l []string) []string { return append([]string{}, l...) }

// trust ends that the database counts as restored, if every location has passed.
func (s *stocktaking) trust(ctx context.Context, store opsdb.Store) (bool, error) {
	w, err := store.World(ctx)
	if err != nil {
		return false, fmt.Errorf("read whether the database was restored: %w", err)
	}
	if w.Restored == nil {
		return true, nil
	}
	why := s.o.why
	if why == "" {
		why = "the inventory of every location has passed"
	}
	err = store.EndRestored(ctx, person(s.o.who), why)
	if errors.Is(err, opsdb.ErrInvariant) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("trust the database again: %w", err)
	}
	return true, nil
}

func (s *stocktaking) show(out []inventoryJSON, trusted bool) error {
	return s.say(map[string]any{"version": opsdb.FormatVersion, "locations": out, "trusted": trusted}, func() error {
		for _, l := range out {
			s.line(l)
		}
		if !trusted {
			fmt.Fprintln(s.out, "the database is not trusted yet: `dtctl restored` shows what has no inventory")
		}
		return nil
	})
}

// mostShown is how many paths of a kind a person is shown.
const mostShown = 20

func (s *stocktaking) line(l inventoryJSON) {
	if l.Error != "" {
		fmt.Fprintf(s.out, "%s: not looked at: %s\n", l.Location, l.Error)
		return
	}
	fmt.Fprintf(s.out, "%s: %d as recorded, %d missing, %d unknown", l.Location, l.Found, len(l.Missing), len(l.Unknown))
	for _, more := range []struct {
		n    int
		text string
	}{{l.Ahead, "known, and not that they are here"}, {l.New, "not filed yet"}, {l.Busy, "being deleted: run it again when that has ended"}} {
		if more.n > 0 {
			fmt.Fprintf(s.out, ", %d %s", more.n, more.text)
		}
	}
	fmt.Fprintln(s.out)
	for _, kind := range []struct {
		word  string
		paths []string
	}{{"missing", l.Missing}, {"unknown", l.Unknown}} {
		for i, p := range kind.paths {
			if i == mostShown {
				fmt.Fprintf(s.out, "  … and %d more: -o json shows them\n", len(kind.paths)-i)
				break
			}
			fmt.Fprintf(s.out, "  %s %s\n", kind.word, p)
		}
	}
}
