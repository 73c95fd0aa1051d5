package tables

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// Files implements opsdb.Reading.
func (s Store) Files(ctx context.Context, q opsdb.Query) (files []opsdb.File, err error) {
	err = s.read(ctx, "Files", func(v View) error {
		w := where{}
		w.add(q.Location != "", `f.location = ?`, q.Location)
		w.add(q.After != "", `f.id > ?`, string(q.After))
		w.add(q.Package != "", `f.key IN (SELECT m.file FROM member m JOIN package p ON p.key = m.package WHERE p.id = ?)`, string(q.Package))
		w.add(q.Route != "", `(f.key IN (SELECT m.file FROM member m JOIN package p ON p.key = m.package WHERE p.route = ?)
		  OR f.key IN (SELECT gf.file FROM group_file gf JOIN file_group g ON g.key = gf.grp WHERE g.route = ?))`, q.Route, q.Route)
		w.add(q.State == "unrouted", `f.homes = 0 AND f.state = 'present'`)
		w.add(q.State != "" && q.State != "unrouted", `f.state = ?`, q.State)
		files, err = Query(v, ScanFile, `SELECT `+FileColumns+` FROM file f`+w.JSON()+` ORDER BY f.id LIMIT `+w.arg(limitOf(q)), w.args...)
		return err
	})
	return files, err
}

// FileHome implements opsdb.Reading.
func (s Store) FileHome(ctx context.Context, file opsdb.ID) (groups []opsdb.Group, packages []opsdb.Package, err error) {
	err = s.read(ctx, "FileHome", func(v View) error {
		key, err := Count(v, `SELECT key FROM file WHERE id = $1`, string(file))
		if err != nil {
			return err
		}
		if key == 0 {
			return fmt.Errorf("file %s: %w", file, opsdb.ErrNotFound)
		}
		if groups, err = Query(v, ScanGroup, `SELECT `+GroupColumns+` FROM group_file gf JOIN file_group g ON g.key = gf.grp WHERE gf.file = $1`, key); err != nil {
			return err
		}
		d := v.Dialect()
		packs, err := Query(v, ScanPackage, `SELECT `+d.PackageColumns+d.PackageFrom+`JOIN member m ON m.package = p.key WHERE m.file = $1 ORDER BY p.id`, key)
		for _, p := range packs {
			packages = append(packages, p.Package)
		}
		return err
	})
	return groups, packages, err
}

// Skips implements opsdb.Reading.
func (s Store) Skips(ctx context.Context, location string) (skips []opsdb.Skip, err error) {
	err = s.read(ctx, "Skips", func(v View) error {
		skips, err = Query(v, func(r Scanner) (k opsdb.Skip, err error) {
			err = r.Scan(&k.Location, Path(&k.Path), &k.Reason, At(&k.At))
			return k, err
		}, `SELECT location, path, reason, at FROM skip WHERE $1 = '' OR location = $1 ORDER BY location, path`, location)
		return err
	})
	return skips, err
}

// Tasks implements opsdb.Reading. State "open" selects all open ones.
func (s Store) Tasks(ctx context.Context, q opsdb.Query) (tasks []opsdb.Task, err error) {
	err = s.read(ctx, "Tasks", func(v View) error {
		w := where{}
		w.add(q.State != "" && q.State != "open", `t.state = ?`, q.State)
		w.add(q.Package != "", `t.package = ?`, string(q.Package))
		w.add(q.Route != "", `t.route = ?`, q.Route)
		w.add(q.Location != "", `? IN (t.from_loc, t.to_loc)`, q.Location)
		w.add(q.After != "", `t.id > ?`, string(q.After))
		tasks, err = Query(v, ScanTask, `SELECT `+TaskColumns+` FROM `+tasksIn(v, q.State)+` t`+w.JSON()+` ORDER BY t.id LIMIT `+w.arg(limitOf(q)), w.args...)
		return err
	})
	return tasks, err
}

// tasksIn is where to look for tasks of a state. Those that are open and those
// that ended badly are few, and are all read before they are put in order; nearly all are completed.
func tasksIn(v View, state string) string {
	switch state {
	case "open", string(opsdb.TaskPending), string(opsdb.TaskScheduled), string(opsdb.TaskInProgress):
		return `(SELECT * FROM task WHERE ` + v.Dialect().AmongOpen("task") + v.Dialect().Apart + `)`
	case string(opsdb.TaskFailed), string(opsdb.TaskWithdrawn):
		return `(SELECT * FROM task WHERE ` + v.Dialect().Ill + v.Dialect().Apart + `)`
	}
	return `task`
}

// Task implements opsdb.Reading. It takes a short id, too.
func (s Store) Task(ctx context.Context, id opsdb.ID) (task opsdb.Task, err error) {
	err = s.read(ctx, "Task", func(v View) error {
		j, err := JobOf(v, id)
		if err == nil {
			task = j.Task
			return nil
		}
		ids, e := shortIDs(v, "task", string(id))
		if e != nil {
			return e
		}
		if len(ids) != 1 {
			return fmt.Errorf("task %s: %w", id, err)
		}
		j, err = JobOf(v, ids[0])
		task = j.Task
		return err
	})
	return task, err
}

// Workers implements opsdb.Reading.
func (s Store) Workers(ctx context.Context) (workers []opsdb.Worker, err error) {
	err = s.read(ctx, "Workers", func(v View) error {
		workers, err = Query(v, scanWorker, `SELECT `+workerColumns+` FROM worker ORDER BY id`)
		return err
	})
	return workers, err
}

// workerColumns are what [scanWorker] reads.
const workerColumns = `id, sites, version, seen_at, at_once, protocol`

// scanWorker reads workerColumns.
func scanWorker(r Scanner) (k opsdb.Worker, err error) {
	err = r.Scan(&k.ID, decode(&k.Sites), &k.Version, At(&k.SeenAt), &k.AtOnce, &k.Protocol)
	return k, err
}

// OpenMoves implements opsdb.Reading.
func (s Store) OpenMoves(ctx context.Context, q opsdb.Query) (moves []opsdb.OpenMove, err error) {
	err = s.read(ctx, "OpenMoves", func(v View) error {
		w := where{}
		w.add(q.Package != "", `package = ?`, string(q.Package))
		w.add(q.Route != "", `route = ?`, q.Route)
		w.add(q.Location != "", `? IN (from_loc, to_loc)`, q.Location)
		w.add(q.State != "", `verdict = ?`, q.State)
		w.add(q.After != "", `package > ?`, string(q.After))
		moves, err = Query(v, ScanMove, `SELECT `+MoveColumns+` FROM open_move m`+w.JSON()+` ORDER BY package, stage, from_loc, to_loc LIMIT `+w.arg(limitOf(q)), w.args...)
		return err
	})
	return moves, err
}
