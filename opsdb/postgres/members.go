package postgres

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// memberOf finds a file that is a member of the task's package.
func (t *tx) memberOf(j job, file opsdb.ID) (filed, bool, error) {
	all, err := query(&t.view, tables.ScanFiled, `SELECT `+tables.FileColumns+` FROM file f JOIN member m ON m.file = f.key
	  WHERE f.id = $1 AND m.package = (SELECT key FROM package WHERE id = $2)`, string(file), string(j.Package))
	if err != nil || len(all) == 0 {
		return filed{}, false, err
	}
	return all[0], true, nil
}

// changedMembers leave a package whose digest is not born yet; what is still a file is filed anew.
func (t *tx) changedMembers(j job, changed []opsdb.ChangedMember) error {
	if len(changed) == 0 {
		return nil
	}
	p, err := tables.PackOf(t, j.Package)
	if err != nil {
		return err
	}
	if p.Packed() {
		return fmt.Errorf("package %s has its digest: no member leaves it: %w", p.Name, opsdb.ErrInvariant)
	}
	for _, m := range changed {
		f, found, err := t.memberOf(j, m.File)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := t.leavePackage(j, p, f); err != nil {
			return err
		}
		if err := t.refile(j, f, m); err != nil {
			return err
		}
	}
	return t.maybeEmpty(p)
}

func (t *tx) leavePackage(j job, p pack, f filed) error {
	if err := t.exec(`DELETE FROM member WHERE package = $1 AND file = $2`, p.Row, f.Row); err != nil {
		return err
	}
	gone := boolInt(f.State == opsdb.Deleted || f.State == opsdb.Lost)
	missed := boolInt(f.State == opsdb.Lost)
	if err := t.exec(`UPDATE package SET files = files - 1, bytes = bytes - $1, gone = gone - $2, missed = missed - $3 WHERE key = $4`,
		f.Size, gone, missed, p.Row); err != nil {
		return err
	}
	if err := t.touch(p.ID); err != nil {
		return err
	}
	if gone == 0 {
		if err := t.exec(`UPDATE copy SET size = greatest(size - $1, 0) WHERE package = $2 AND form = 'files'`, f.Size, string(j.Package)); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE file SET homes = homes - 1, routed = false WHERE key = $1`, f.Row)
}

// refile records what became of the file. Another package that holds it keeps
// its own members as they were frozen.
func (t *tx) refile(j job, f filed, m opsdb.ChangedMember) error {
	switch {
	case f.State != opsdb.Present:
		return nil
	case m.Gone:
		return t.lose(f, "worker:"+j.Worker, m.Reason)
	}
	return t.changeFile(f, m.Size, m.ModTime.UnixNano(), m.Identity, "", "worker:"+j.Worker, m.Reason)
}

// maybeEmpty quarantines a package that has lost all its members before it was packed.
func (t *tx) maybeEmpty(p pack) error {
	n, err := t.execN(`UPDATE package SET quarantined = 'every file changed or vanished before it was packed' WHERE key = $1 AND files = 0`, p.Row)
	if err != nil || n == 0 {
		return err
	}
	if err := t.touch(p.ID); err != nil {
		return err
	}
	t.event(opsdb.Event{Kind: opsdb.EventQuarantined, Subject: tables.PackageSubject(p.ID), Package: p.ID, Why: "every file changed or vanished before it was packed"})
	return t.exec(`UPDATE copy SET state = 'lost', before = state, reason = 'no file is left' WHERE package = $1 AND form = 'files'`, string(p.ID))
}

// RecordRemoved implements opsdb.Working.
func (s *Store) RecordRemoved(ctx context.Context, task opsdb.ID, token int64, files []opsdb.ID) error {
	return s.write(ctx, "RecordRemoved", func(t *tx) error {
		if err := t.lockMembers(opsdb.Outcome{Removed: files}); err != nil {
			return err
		}
		j, err := t.owned(task, token)
		if err != nil {
			return err
		}
		return t.removed(j, files)
	})
}

// removed are source files that are gone now by a confirmed deletion.
func (t *tx) removed(j job, files []opsdb.ID) error {
	if len(files) == 0 {
		return nil
	}
	if j.Type != "delete" || j.Confirmed == 0 {
		return fmt.Errorf("source files were removed without a confirmed deletion: %w", opsdb.ErrInvariant)
	}
	for len(files) > 0 {
		n := min(len(files), memberChunk)
		if err := t.removedChunk(j, files[:n]); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

func (t *tx) removedChunk(j job, ids []opsdb.ID) error {
	known, err := query(&t.view, tables.ScanFiled, `SELECT `+tables.FileColumns+` FROM unnest($1::text[]) i (id) JOIN file f ON f.id = i.id JOIN member m ON m.file = f.key
	  WHERE m.package = (SELECT key FROM package WHERE id = $2) AND f.state NOT IN ('deleted', 'lost')`, idList(ids), string(j.Package))
	if err != nil || len(known) == 0 {
		return err
	}
	gone := make([]opsdb.ID, len(known))
	for i, f := range known {
		gone[i] = f.ID
		t.event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventFileDeleted, Subject: "file:" + string(f.ID), Package: j.Package,
			Location: f.Location, Revision: j.Revision, Before: string(f.State), After: string(opsdb.Deleted)})
	}
	list := idList(gone)
	if err := t.exec(`UPDATE package SET gone = gone + n.files FROM (
	    SELECT m.package AS key, count(*) AS files FROM unnest($1::text[]) i (id) JOIN file f ON f.id = i.id JOIN member m ON m.file = f.key GROUP BY m.package) n
	  WHERE package.key = n.key`, list); err != nil {
		return err
	}
	if err := t.exec(`UPDATE package_state SET version = version + 1 WHERE package IN (
	  SELECT m.package FROM unnest($1::text[]) i (id) JOIN file f ON f.id = i.id JOIN member m ON m.file = f.key)`, list); err != nil {
		return err
	}
	return t.exec(`UPDATE file SET state = 'deleted' WHERE id = ANY($1::text[])`, list)
}

// kept are source files that differ from their members: the package is
// quarantined, its files stay, and a person is told (S1f).
func (t *tx) kept(j job, files []opsdb.ChangedMember) error {
	if len(files) == 0 {
		return nil
	}
	for _, m := range files {
		t.event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventFileKept, Subject: "file:" + string(m.File), Package: j.Package,
			Location: j.To, Revision: j.Revision, Why: m.Reason})
	}
	why := fmt.Sprintf("%d source files differ from their members", len(files))
	t.event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventQuarantined, Subject: tables.PackageSubject(j.Package), Package: j.Package, Location: j.To, Why: why})
	if err := t.exec(`UPDATE package SET quarantined = $1 WHERE id = $2`, why, string(j.Package)); err != nil {
		return err
	}
	if err := t.touch(j.Package); err != nil {
		return err
	}
	return t.exec(`UPDATE copy SET state = 'present', condemned_age = NULL, reason = $1 WHERE id = $2 AND state LIKE 'deletion_%'`, why, string(j.TargetCopy))
}
