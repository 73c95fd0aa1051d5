package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

// here reports whether a site is on this host, as far as we were told.
func (d *doctor) here(site string) bool {
	return len(d.sites) == 0 && !isShared(d.db) || slices.Contains(d.sites, site)
}

// locations looks at those on this host, and asks OpsDB about the others.
func (d *doctor) locations(ctx context.Context) {
	places := node.NewPlaces(d.graph, d.store, clock.System{})
	places.Credentials = d.credentials()
	roots := map[string][]string{}   // device and inode of a root → locations
	devices := map[string][]string{} // device → archives
	for _, name := range slices.Sorted(maps.Keys(d.graph.Locations)) {
		l := d.graph.Locations[name]
		switch {
		case l.Site.State != opsdb.SiteActive:
		case !d.here(l.Site.Name):
			d.elsewhere(name)
		default:
			d.location(ctx, places, l)
			d.note(l, roots, devices)
		}
	}
	for _, list := range roots {
		if len(list) > 1 {
			d.add("location", strings.Join(list, ", "), findingWrong, "give each a folder of its own", "one folder answers for %d locations", len(list))
		}
	}
	for _, list := range devices {
		if len(list) > 1 {
			d.add("location", strings.Join(list, ", "), findingNote, "archives on one device are lost together: give each its own", "%d archives lie on one device", len(list))
		}
	}
}

// elsewhere says what OpsDB knows of a location on another host.
func (d *doctor) elsewhere(name string) {
	l := d.world.Locations[name]
	switch {
	case l.Marker == "":
		d.add("location", name, findingWrong, "run `dtctl init-location "+name+"` there", "it was never initialised")
	case l.Down != nil:
		d.add("location", name, findingWrong, "run `dtctl doctor --site "+opsdb.SiteOf(name)+"` there", "its workers say it is down: %s, %s", l.Down.Reason, l.Down.Text)
	case d.world.Sites[opsdb.SiteOf(name)].Down != nil:
		d.add("location", name, findingNote, "run `dtctl doctor --site "+opsdb.SiteOf(name)+"` there", "it was initialised; no worker is there to say how it is")
	default:
		d.add("location", name, findingGood, "", "its workers say it can be used")
	}
}

// location looks at one on this host: marker, rights, room.
func (d *doctor) location(ctx context.Context, places *node.Places, l *graph.Location) {
	free, total, _, err := places.Check(ctx, l.Name)
	if err != nil {
		d.add("location", l.Name, findingWrong, d.cure(l, err), "%s", stages.FailureOf(err).Text)
		return
	}
	if l.Storage != opsdb.S3 {
		if err := unix.Access(l.Path, unix.R_OK|unix.W_OK|unix.X_OK); err != nil {
			d.add("location", l.Name, findingWrong, "make "+l.Path+" writable for the user dtctl runs as", "this user may not write there: %v", err)
			return
		}
	}
	if total > 0 && free < total/50 {
		d.add("location", l.Name, findingWrong, "make room: `dtctl status` shows what waits for it", "almost full: %s of %s are free", bytesText(free), bytesText(total))
		return
	}
	room := ""
	if total > 0 {
		room = fmt.Sprintf(", %s of %s are free", bytesText(free), bytesText(total))
	}
	d.add("location", l.Name, findingGood, "", "%s, its marker is right%s", rootOf(l), room)
	d.stillDown("location", l.Name, d.world.Locations[l.Name].Down)
	d.remarks(ctx, places, l)
}

// remarks are what a storage has to tell of itself: what its server can do, how a bucket is set up.
func (d *doctor) remarks(ctx context.Context, places *node.Places, l *graph.Location) {
	st, err := places.Storage(l.Name)
	if err != nil {
		return // told already
	}
	e, ok := st.(storage.Examiner)
	if !ok {
		return
	}
	found, err := e.Examine(ctx)
	if err != nil {
		d.add("storage", l.Name, findingWrong, d.cure(l, err), "%v", err)
	}
	for _, r := range found {
		state := findingNote
		if r.Wrong {
			state = findingWrong
		}
		d.add("storage", l.Name, state, r.Do, "%s", r.Text)
	}
}

// cure is what to do about a location that does not answer as it must.
func (d *doctor) cure(l *graph.Location, err error) string {
	if l.Storage == opsdb.S3 {
		return d.cureBucket(l, err)
	}
	_, there := os.Stat(l.Path)
	switch {
	case errors.Is(err, storage.ErrForeign):
		return "another disk is mounted at " + l.Path + ": mount the right one"
	case d.world.Locations[l.Name].Marker == "":
		return "run `dtctl init-location " + l.Name + "`"
	case there != nil:
		return "mount the disk: " + l.Path + " is not there"
	case errors.Is(err, storage.ErrFull):
		return "make room on the disk of " + l.Path + " (`dtctl status` shows how much of it is CDT's); it goes on by itself"
	case errors.Is(err, storage.ErrReadOnly):
		return "look at why the disk of " + l.Path + " is read-only (a failing disk is mounted again like that: dmesg), and mount it writable"
	case errors.Is(err, storage.ErrDenied):
		return "make " + l.Path + " writable for the user dtctl runs as"
	}
	return "is its disk mounted at " + l.Path + "? It had a marker, which is never made again by itself"
}

// cureBucket is cure for a bucket; the finding itself says what the server answered.
func (d *doctor) cureBucket(l *graph.Location, err error) string {
	switch {
	case errors.Is(err, storage.ErrForeign):
		return "give " + l.Name + " a bucket or prefix of its own: the marker there is another location's"
	case d.world.Locations[l.Name].Marker == "":
		return "run `dtctl init-location " + l.Name + "`"
	case errors.Is(err, storage.ErrDenied):
		return "look at the credentials " + l.S3.Credentials + ", the rights of their user, and this host's clock"
	case errors.Is(err, storage.ErrBusy):
		return "wait: the server is asked again by itself"
	}
	return "look whether " + l.S3.String() + " is the right bucket and can be reached from this host"
}

// note remembers by what device a location answers (D3).
func (d *doctor) note(l *graph.Location, roots, devices map[string][]string) {
	if l.Storage == opsdb.S3 {
		return
	}
	info, err := os.Stat(l.Path)
	if err != nil {
		return
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	root := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	roots[root] = append(roots[root], l.Name)
	if device := fmt.Sprint(st.Dev); l.Type == opsdb.Archive {
		devices[device] = append(devices[device], l.Name)
	}
}
