package tables

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// MemberChunk is how many members one statement is about at most.
const MemberChunk = 5000

// memberOf finds a file that is a member of the task's package.
func memberOf(t Tx, j Job, file opsdb.ID) (Filed, bool, error) {
	all, err := Query(t, ScanFiled, `SELECT `+FileColumns+` FROM file f JOIN member m ON m.file = f.key
	  WHERE f.id = $1 AND m.package = (SELECT key FROM package WHERE id = $2)`, string(file), string(j.Package))
	if err != nil || len(all) == 0 {
		return Filed{}, false, err
	}
	return all[0], true, nil
}

// changedMembers leave a package whose digest is not born yet; what is still a file is Filed anew.
func changedMembers(t Tx, j Job, changed []opsdb.ChangedMember) error {
	if len(changed) == 0 {
		return nil
	}
	p, err := PackOf(t, j.Package)
	if err != nil {
		return err
	}
	if p.Packed() {
		return fmt.Errorf("package %s has its digest: no member leaves it: %w", p.Name, opsdb.ErrInvariant)
	}
	for _, m := range changed {
		f, found, err := memberOf(t, j, m.File)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := leavePackage(t, j, p, f); err != nil {
			return err
		}
		if err := refile(t, j, f, m); err != nil {
			return err
		}
	}
	return maybeEmpty(t, p)
}

func leavePackage(t Tx, j Job, p Pack, f Filed) error {
	if err := t.Exec(`DELETE FROM member WHERE package = $1 AND file = $2`, p.Row, f.Row); err != nil {
		return err
	}
	gone := number(f.State == opsdb.Deleted || f.State == opsdb.Lost)
	missed := number(f.State == opsdb.Lost)
	if err := t.Exec(`UPDATE package SET files = files - 1, bytes = bytes - $1, gone = gone - $2, missed = missed - $3 WHERE key = $4`,
		f.Size, gone, missed, p.Row); err != nil {
		return err
	}
	if err := Touch(t, p.ID); err != nil {
		return err
	}
	if gone == 0 {
		if err := t.Exec(`UPDATE copy SET size = CASE WHEN size > $1 THEN size - $1 ELSE 0 END WHERE package = $2 AND form = 'files'`, f.Size, string(j.Package)); err != nil {
			return err
		}
	}
	return t.Exec(`UPDATE file SET homes = homes - 1, routed = false WHERE key = $1`, f.Row)
}

// refile records what became of the file. Another package that holds it keeps
// its own members as they were frozen.
func refile(t Tx, j Job, f Filed, m opsdb.ChangedMember) error {
	switch {
	case f.State != opsdb.Present:
		return nil
	case m.Gone:
		return lose(t, f, "worker:"+j.Worker, m.Reason)
	}
	return ChangeFile(t, f, m.Size, m.ModTime.UnixNano(), m.Identity, "", "worker:"+j.Worker, m.Reason)
}

// noFileLeft is why a package is superseded.
const noFileLeft = "every file changed or vanished before it was packed"

// maybeEmpty supersedes a package that has lost all its members before it was packed.
func maybeEmpty(t Tx, p Pack) error {
	n, err := t.ExecN(`UPDATE package SET quarantined = $2 WHERE key = $1 AND files = 0`, p.Row, noFileLeft)
	if err != nil || n == 0 {
		return err
	}
	if err := Touch(t, p.ID); err != nil {
		return err
	}
	t.Event(opsdb.Event{Kind: opsdb.EventSuperseded, Subject: packageSubject(p.ID), Package: p.ID, Why: noFileLeft})
	return t.Exec(`UPDATE copy SET state = 'lost', before = state, reason = 'no file is left' WHERE package = $1 AND form = 'files'`, string(p.ID))
}

// RecordRemoved implements opsdb.Working.
func (s Store) RecordRemoved(ctx context.Context, task opsdb.ID, token int64, files []opsdb.ID) error {
	return s.write(ctx, "RecordRemoved", func(t Tx) error {
		if err := LockFilesOf(t, files); err != nil {
			return err
		}
		j, err := Owned(t, task, token)
		if err != nil {
			return err
		}
		return removed(t, j, files)
	})
}

// removed are source files that are gone now by a confirmed deletion.
func removed(t Tx, j Job, files []opsdb.ID) error {
	if len(files) == 0 {
		return nil
	}
	if j.Type != "delete" || j.Confirmed == 0 {
		return fmt.Errorf("source files were removed without a confirmed deletion: %w", opsdb.ErrInvariant)
	}
	for len(files) > 0 {
		n := min(len(files), MemberChunk)
		if err := removedChunk(t, j, files[:n]); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

func removedChunk(t Tx, j Job, ids []opsdb.ID) error {
	d := t.Dialect()
	known, err := Query(t, ScanFiled, `SELECT `+FileColumns+` FROM file f CROSS JOIN member m
	  WHERE `+d.In("f.id", 1)+` AND m.file = f.key AND m.package = (SELECT key FROM package WHERE id = $2) AND f.state NOT IN ('deleted', 'lost')`, ids, string(j.Package))
	if err != nil || len(known) == 0 {
		return err
	}
	gone := make([]opsdb.ID, len(known))
	for i, f := range known {
		gone[i] = f.ID
		t.Event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventFileDeleted, Subject: "file:" + string(f.ID), Package: j.Package,
			Location: f.Location, Revision: j.Revision, Before: string(f.State), After: string(opsdb.Deleted)})
	}
	if err := t.Exec(`UPDATE package SET gone = gone + n.files FROM (
	    SELECT m.package AS key, count(*) AS files FROM file f CROSS JOIN member m WHERE `+d.In("f.id", 1)+` AND m.file = f.key GROUP BY m.package) n
	  WHERE package.key = n.key`, gone); err != nil {
		return err
	}
	if err := t.Exec(`UPDATE `+d.State+` SET version = version + 1 WHERE `+d.StateKey+` IN (
	  SELECT m.package FROM file f CROSS JOIN member m WHERE `+d.In("f.id", 1)+` AND m.file = f.key)`, gone); err != nil {
		return err
	}
	return t.Exec(`UPDATE file SET state = 'deleted' WHERE `+d.In("id", 1), gone)
}

// kept are source files that differ from their members: the package is
// quarantined, its files stay, and a person is told (S1f).
func kept(t Tx, j Job, files []opsdb.ChangedMember) error {
	if len(files) == 0 {
		return nil
	}
	for _, m := range files {
		t.Event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventFileKept, Subject: "file:" + string(m.File), Package: j.Package,
			Location: j.To, Revision: j.Revision, Why: m.Reason})
	}
	first, err := One(t, ScanFile, `SELECT `+FileColumns+` FROM file f WHERE f.id = $1`, string(files[0].File))
	if err != nil {
		return fmt.Errorf("file %s that differs from its member: %w", files[0].File, err)
	}
	why := fmt.Sprintf("%d source files differ from their members, the first: %s (%s)", len(files), opsdb.ShowPath(first.Path), files[0].Reason)
	t.Event(opsdb.Event{Actor: "worker:" + j.Worker, Kind: opsdb.EventQuarantined, Subject: packageSubject(j.Package), Package: j.Package, Location: j.To, Why: why})
	if err := t.Exec(`UPDATE package SET quarantined = $1 WHERE id = $2`, why, string(j.Package)); err != nil {
		return err
	}
	if err := Touch(t, j.Package); err != nil {
		return err
	}
	return t.Exec(`UPDATE copy SET state = 'present', condemned_age = NULL, reason = $1 WHERE id = $2 AND state LIKE 'deletion_%'`, why, string(j.TargetCopy))
}
