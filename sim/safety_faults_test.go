package sim_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// harm flips a byte of a copy or removes it, but of every package a good one stays.
func (c *chaos) harm(f opsdb.Facts) error {
	archives := c.Archives()
	if c.safe[f.Package.ID] == "" {
		c.safe[f.Package.ID] = archives[c.rnd.IntN(2)] // of those that are in all revisions
	}
	safe := c.safe[f.Package.ID]
	if kept := copyAt(f, safe); kept == nil || kept.State != opsdb.Present {
		if files := copyAt(f, f.Package.Source); files == nil || files.State != opsdb.Present {
			return nil
		}
	}
	x := f.Copies[c.rnd.IntN(len(f.Copies))]
	if x.Form == opsdb.Files || x.Location == safe || !x.Live() || x.State == opsdb.Expected || c.away[x.Location] != nil {
		return nil
	}
	path := filepath.Join(c.Roots[x.Location], x.Path)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil //nolint:nilerr // it is on its way, in or out
	}
	if c.rnd.IntN(2) == 0 {
		c.say("removed %s:%s (%s)", x.Location, x.Path, x.State)
		return os.Remove(path)
	}
	c.say("flipped %s:%s (%s)", x.Location, x.Path, x.State)
	c.flip(path)
	return nil
}

func (c *chaos) hold(f opsdb.Facts) error {
	kinds := []opsdb.HoldKind{opsdb.HoldDelete, opsdb.HoldMove, opsdb.HoldAll}
	h := opsdb.Hold{Package: f.Package.ID, Kind: kinds[c.rnd.IntN(3)], Who: "tester", Why: "chaos"}
	if c.rnd.IntN(2) == 0 && len(f.Copies) > 0 {
		h.Location = f.Copies[c.rnd.IntN(len(f.Copies))].Location
	}
	c.say("hold %s of %s at %q", h.Kind, f.Package.Name, h.Location)
	_, err := c.Store.Hold(c.t.Context(), h)
	return err
}

func (c *chaos) unholdAll() error {
	facts, err := c.Store.Packages(c.t.Context(), opsdb.Query{})
	if err != nil {
		return err
	}
	for _, f := range facts {
		for _, h := range f.Holds {
			c.say("unhold %s", f.Package.Name)
			if err := c.Store.Unhold(c.t.Context(), h.ID, "tester", "seen"); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask opens a staging request, or releases the last one.
func (c *chaos) ask(f opsdb.Facts) error {
	if n := len(c.requests); n > 0 && c.rnd.IntN(2) == 0 {
		id := c.requests[n-1]
		c.requests = c.requests[:n-1]
		c.say("release %s", id)
		return c.Store.Release(c.t.Context(), id, "tester")
	}
	r, err := c.Store.Request(c.t.Context(), opsdb.StagingRequest{Package: f.Package.ID, Location: "cologne.ramses", Who: "tester"})
	c.requests = append(c.requests, r.ID)
	c.say("request %s", f.Package.Name)
	return err
}

// resend lets a package leave its site again.
func (c *chaos) resend(f opsdb.Facts) error {
	site := []string{"cologne", "cornell"}[c.rnd.IntN(2)]
	c.say("resend %s to %s", f.Package.Name, site)
	_, err := c.Store.Resend(c.t.Context(), opsdb.Resend{Package: f.Package.ID, Site: site, Who: "tester", Why: "chaos"})
	return err
}

func (c *chaos) unmountOne() error {
	names := make([]string, 0, len(c.Roots))
	for name := range c.Roots {
		names = append(names, name)
	}
	slices.Sort(names)
	name := names[c.rnd.IntN(len(names))]
	if c.away[name] == nil {
		c.say("%s is not mounted", name)
		c.away[name] = c.unmount(name)
	}
	return nil
}

func (c *chaos) mount() {
	for name, back := range c.away {
		c.say("%s is mounted", name)
		back()
		delete(c.away, name)
	}
}

func (c *chaos) retryAll() error {
	tasks, err := c.Store.Tasks(c.t.Context(), opsdb.Query{State: string(opsdb.TaskFailed)})
	if err != nil {
		return err
	}
	for _, task := range tasks {
		c.say("retry %s %s at %s: %s", task.Type, task.ID.Short(), task.To, task.Failure.Text)
		if err := c.Store.Retry(c.t.Context(), task.ID, "tester", "mended"); err != nil {
			return err
		}
	}
	return nil
}

// heal takes all faults away, finds the harm that is left, and runs to the end.
func (c *chaos) heal() {
	c.t.Helper()
	c.mount()
	c.say("healed")
	c.reopen(c.routes[len(c.routes)-1])
	c.must(c.unholdAll())
	for _, id := range c.requests {
		c.must(c.Store.Release(c.t.Context(), id, "tester"))
	}
	for range 3 {
		c.must(c.retryAll())
		for _, f := range c.packages() {
			c.must(c.Store.WantVerify(c.t.Context(), f.Package.ID, "", "tester"))
		}
		c.run()
	}
	c.cleaned(c.judge())
	c.settled()
}

// settled wants nothing to be left over: no open task, no dirty package, no part and nothing in the trash.
func (c *chaos) settled() {
	c.t.Helper()
	for _, f := range c.packages() {
		for _, task := range f.Tasks {
			c.t.Errorf("task %s %s at %s is %s: %+v", task.Type, task.Stage, task.To, task.State, task.Failure)
		}
		if f.Package.Quarantined != "" {
			c.t.Errorf("package %s is quarantined: %s", f.Package.Name, f.Package.Quarantined)
		}
	}
	for name, root := range c.Roots {
		err := filepath.WalkDir(filepath.Join(root, opsdb.TrashDir), func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() { // a kill may leave an empty folder
				c.t.Errorf("in the trash of %s lies %s", name, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.t.Error(err)
		}
	}
}
