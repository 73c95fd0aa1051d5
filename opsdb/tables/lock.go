package tables

import (
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// Lock takes packages in the order of their ids. What was read of them before may be out of date.
func Lock(t Tx, ids ...opsdb.ID) {
	sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
	t.Take(`SELECT FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT 1 FROM package_state s WHERE s.id = x.id OFFSET 0 FOR NO KEY UPDATE) l`, sorted)
}

// LockPeers takes packages and all that share source files with them.
func LockPeers(t Tx, ids ...opsdb.ID) error {
	if t.Dialect().OneWriter {
		return nil
	}
	peers, err := Query(t, ScanID, `SELECT DISTINCT o.id FROM package p JOIN peer e ON e.package = p.key JOIN package o ON o.key = e.other WHERE `+t.Dialect().In("p.id", 1), ids)
	if err == nil {
		Lock(t, append(peers, ids...)...)
	}
	return err
}

// LockFiles takes files by their keys, before them the open groups they are in, and after them the packages that hold them.
func LockFiles(t Tx, rows []int64) error {
	if t.Dialect().OneWriter {
		return nil
	}
	t.Take(`SELECT FROM file_group WHERE key IN (SELECT grp FROM group_file WHERE file = ANY($1::bigint[])) ORDER BY key FOR NO KEY UPDATE`, rows)
	t.Take(`SELECT FROM file WHERE key = ANY($1::bigint[]) ORDER BY key FOR NO KEY UPDATE`, rows)
	packages, err := Query(t, ScanID, `SELECT DISTINCT p.id FROM member m JOIN package p ON p.key = m.package WHERE `+t.Dialect().In("m.file", 1), rows)
	if err == nil {
		Lock(t, packages...)
	}
	return err
}

// LockFilesOf is LockFiles by their ids.
func LockFilesOf(t Tx, ids []opsdb.ID) error {
	if t.Dialect().OneWriter || len(ids) == 0 {
		return nil
	}
	rows, err := Query(t, ScanRow, `SELECT key FROM file WHERE `+t.Dialect().In("id", 1), ids)
	if err != nil || len(rows) == 0 {
		return err
	}
	return LockFiles(t, rows)
}

// shareRevision keeps the revision active until the end; TakeRevision is for who changes it, or the epoch.
func shareRevision(t Tx) { t.Take(`SELECT FROM opsdb FOR SHARE`) }

// takeRevision see ShareRevision.
func takeRevision(t Tx) { t.Take(`SELECT FROM opsdb FOR UPDATE`) }

// Touch marks packages dirty; the caller holds them, or holds nothing that comes after packages.
func Touch(t Tx, ids ...opsdb.ID) error {
	d := t.Dialect()
	return t.Exec(`UPDATE `+d.State+` SET version = version + 1 WHERE `+d.In("id", 1), ids)
}

// touchUrgent marks one dirty that goes before others.
func touchUrgent(t Tx, id opsdb.ID) error {
	return t.Exec(`UPDATE `+t.Dialect().State+` SET version = version + 1, urgent = true WHERE id = $1`, string(id))
}

// touchHolders marks the packages dirty that hold a file.
func touchHolders(t Tx, file int64) error {
	d := t.Dialect()
	return t.Exec(`UPDATE `+d.State+` SET version = version + 1 WHERE `+d.StateKey+` IN (SELECT package FROM member WHERE file = $1)`, file)
}

// touchGroups marks the open groups dirty.
func touchGroups(t Tx) error {
	t.Take(`SELECT FROM file_group WHERE NOT closed ORDER BY key FOR NO KEY UPDATE`)
	return t.Exec(`UPDATE file_group SET version = version + 1 WHERE closed = ` + t.Dialect().No)
}
