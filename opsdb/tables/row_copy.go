package tables

import "github.com/ccatobs/cdt/opsdb"

// CopyColumns are what [ScanCopy] reads of copy c and the receipt r that speaks for it, as CopyFrom gives them.
const (
	CopyColumns = `c.id, c.package, c.location, c.form, c.path, c.state, c.size, c.identity, c.verified_at, c.verified_age,
  c.condemned_age, c.sidecar, c.reason, c.before, c.backfill, c.verify_asked,
  r.id, r.path, r.digest, r.size, r.at, r.worker, r.task, r.token, r.medium`
	CopyFrom = ` FROM copy c LEFT JOIN receipt r ON r.key = c.receipt `
)

// ScanCopy reads CopyColumns.
func ScanCopy(r Scanner) (c opsdb.Copy, err error) {
	x := opsdb.Receipt{Version: opsdb.FormatVersion}
	var size, token *int64
	var id, digest, worker, task, medium *string
	err = r.Scan(&c.ID, &c.Package, &c.Location, &c.Form, Path(&c.Path), &c.State, &c.Size, &c.Identity, At(&c.VerifiedAt), At(&c.VerifiedAge),
		At(&c.CondemnedAge), &c.Sidecar, &c.Reason, &c.Before, &c.Backfill, At(&c.VerifyAsked),
		&id, Path(&x.Path), &digest, &size, At(&x.At), &worker, &task, &token, &medium)
	if err != nil || id == nil {
		return c, err
	}
	x.ID, x.Package, x.Location, x.Digest, x.Size = opsdb.ID(*id), c.Package, c.Location, opsdb.Digest(*digest), *size
	x.Worker, x.Task, x.Token, x.Medium = *worker, opsdb.ID(*task), *token, opsdb.Medium(*medium)
	c.Receipt = &x
	return c, nil
}

// Copies reads the copies of a package.
func Copies(v View, pkg opsdb.ID) ([]opsdb.Copy, error) {
	return Query(v, ScanCopy, `SELECT `+CopyColumns+CopyFrom+`WHERE c.package = $1 ORDER BY c.id`, string(pkg))
}

// CopyOf reads a copy; opsdb.ErrNotFound if there is none.
func CopyOf(v View, id opsdb.ID) (opsdb.Copy, error) {
	return One(v, ScanCopy, `SELECT `+CopyColumns+CopyFrom+`WHERE c.id = $1`, string(id))
}

// InsertCopy writes a new copy; what was read at its place before speaks for it.
func InsertCopy(t Tx, c opsdb.Copy) error {
	return t.Exec(`INSERT INTO copy (id, package, location, form, path, state, size, verified_age, backfill, receipt)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
	    (SELECT key FROM receipt WHERE package = $2 AND location = $3 AND path = $5 ORDER BY at DESC, key DESC LIMIT 1))`,
		string(c.ID), string(c.Package), c.Location, string(c.Form), Blob(c.Path), string(c.State), c.Size, Time(c.VerifiedAge), c.Backfill)
}

// setCopy gives a copy another state.
func setCopy(t Tx, id opsdb.ID, state opsdb.CopyState) error {
	return t.Exec(`UPDATE copy SET state = $1 WHERE id = $2`, string(state), string(id))
}

// copyEvent notes what becomes of a copy.
func copyEvent(t Tx, c opsdb.Copy, kind, actor, why string, revision int64, after string) {
	t.Event(opsdb.Event{Actor: actor, Kind: kind, Subject: "copy:" + string(c.ID), Package: c.Package, Location: c.Location,
		Why: why, Revision: revision, Before: string(c.State), After: after})
}

// ReceiptColumns are what [ScanReceipt] reads, and a receipt is written with.
const ReceiptColumns = `id, package, location, path, digest, size, at, worker, task, token, medium`

// ScanReceipt reads ReceiptColumns.
func ScanReceipt(r Scanner) (x opsdb.Receipt, err error) {
	err = r.Scan(&x.ID, &x.Package, &x.Location, Path(&x.Path), &x.Digest, &x.Size, At(&x.At), &x.Worker, &x.Task, &x.Token, &x.Medium)
	x.Version = opsdb.FormatVersion
	return x, err
}
