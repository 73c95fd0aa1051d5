package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// known is what a call of Dispatch read of all its packages at once, under
// their locks. A package the call has changed is read again, and so are all if
// it deletes: a deletion looks at other packages too.
type known struct {
	stale  map[opsdb.ID]bool
	packs  map[opsdb.ID]pack
	open   map[opsdb.ID][]job
	copies map[opsdb.ID][]opsdb.Copy
	used   map[string]int64 // slots taken, as far as they were counted
	made   []job            // tasks not written yet
}

// lockVersions takes packages in the order of their ids, as [tables.Lock] does, and asks for their versions.
func (d *dispatch) lockVersions(packages []opsdb.ID) *[]pack {
	packs := new([]pack)
	ask(&d.view, packs, scanVersion, `SELECT s.id, s.version FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT id, version FROM package_state WHERE package_state.id = x.id OFFSET 0 FOR NO KEY UPDATE) s`, idList(packages))
	return packs
}

// learn reads the packages; their locks are queued before, which tell their versions. Packages are sorted.
func (d *dispatch) learn(packages []opsdb.ID, packs *[]pack) error {
	var open []job
	var copies []opsdb.Copy
	ids := idList(packages)
	ask(&d.view, &open, tables.ScanJob, `SELECT `+tables.TaskColumns+` FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT * FROM open_task WHERE package = x.id OFFSET 0) o
	  CROSS JOIN LATERAL (SELECT * FROM task WHERE task.id = o.task OFFSET 0) t`, ids)
	ask(&d.view, &copies, scanPlace, `SELECT c.id, c.package, c.location, c.form, c.path, c.state FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT * FROM copy WHERE copy.package = x.id OFFSET 0) c`, ids)
	if err := d.flush(); err != nil {
		return err
	}
	d.known = known{stale: make(map[opsdb.ID]bool, len(packages)), packs: make(map[opsdb.ID]pack, len(packages)), open: make(map[opsdb.ID][]job, len(open)), copies: make(map[opsdb.ID][]opsdb.Copy, len(packages)), used: d.used}
	for _, p := range *packs {
		d.packs[p.ID] = p
	}
	for _, j := range open {
		d.open[j.Package] = append(d.open[j.Package], j)
	}
	for _, c := range copies {
		d.copies[c.Package] = append(d.copies[c.Package], c)
	}
	return nil
}

// scanVersion and scanPlace read as much as the grants look at; what a deletion looks at is read by current.
func scanVersion(r scanner) (p pack, err error) {
	err = r.Scan(&p.ID, &p.Version)
	return p, err
}

func scanPlace(r scanner) (c opsdb.Copy, err error) {
	var path []byte
	err = r.Scan(&c.ID, &c.Package, &c.Location, &c.Form, &path, &c.State)
	c.Path = string(path)
	return c, err
}

// current has what is known of a package read again if this call may have changed it.
func (d *dispatch) current(id opsdb.ID) error {
	if !d.deletes && !d.stale[id] {
		return nil
	}
	if err := d.writeTasks(); err != nil {
		return err
	}
	delete(d.stale, id)
	p, err := tables.PackOf(d, id)
	if err != nil {
		return err
	}
	d.packs[id] = p
	if d.open[id], err = query(&d.view, tables.ScanJob, `SELECT `+tables.TaskColumns+` FROM task t WHERE t.package = $1 AND t.open`, string(id)); err != nil {
		return err
	}
	d.known.copies[id], err = tables.Copies(d.tx, id)
	return err
}

// openAt is the open task that has a place for a package.
func (d *dispatch) openAt(id opsdb.ID, to string) (old []job) {
	for _, j := range d.open[id] {
		if j.To == to {
			old = append(old, j)
		}
	}
	return old
}

// taken is how many slots of a name are taken.
func (d *dispatch) taken(slot string) (int64, error) {
	if used, counted := d.used[slot]; counted {
		return used, nil
	}
	used, err := d.count(`SELECT count(*) FROM task_slot WHERE slot = $1`, slot)
	d.used[slot] = used
	return used, err
}

// writeTasks writes the tasks that were made, all at once.
func (d *dispatch) writeTasks() error {
	made := d.made
	d.made = nil
	if len(made) == 0 {
		return nil
	}
	if len(made) == 1 {
		return d.insertTask(made[0])
	}
	if err := d.flush(); err != nil {
		return err
	}
	n, err := d.c.CopyFrom(d.ctx, pgx.Identifier{"task"}, taskFields(), pgx.CopyFromSlice(len(made), func(i int) ([]any, error) { return clean(d.taskRow(made[i])), nil }))
	d.changes += n
	if err != nil {
		return fmt.Errorf("write %d tasks: %w", len(made), err)
	}
	return nil
}
