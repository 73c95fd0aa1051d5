package postgres

import (
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

const copyColumns = `c.id, c.package, c.location, c.form, c.path, c.state, c.size, c.identity, c.verified_at, c.verified_age,
  c.condemned_age, c.sidecar, c.reason, c.before, c.backfill, c.verify_asked,
  r.id, r.path, r.digest, r.size, r.at, r.worker, r.task, r.token, r.medium`

const copyFrom = ` FROM copy c LEFT JOIN receipt r ON r.key = c.receipt `

func scanCopy(r scanner) (c opsdb.Copy, err error) {
	var path, rpath []byte
	var verified, age, condemned, asked, at *time.Time
	var size, token *int64
	var id, digest, worker, task, medium *string
	err = r.Scan(&c.ID, &c.Package, &c.Location, &c.Form, &path, &c.State, &c.Size, &c.Identity, &verified, &age,
		&condemned, &c.Sidecar, &c.Reason, &c.Before, &c.Backfill, &asked,
		&id, &rpath, &digest, &size, &at, &worker, &task, &token, &medium)
	if err != nil {
		return c, err
	}
	c.Path = string(path)
	c.VerifiedAt, c.VerifiedAge, c.CondemnedAge, c.VerifyAsked = timeOf(verified), timeOf(age), timeOf(condemned), timeOf(asked)
	if id != nil {
		c.Receipt = &opsdb.Receipt{ID: opsdb.ID(*id), Package: c.Package, Location: c.Location, Path: string(rpath), Digest: opsdb.Digest(*digest),
			Size: *size, At: timeOf(at), Worker: *worker, Task: opsdb.ID(*task), Token: *token, Medium: opsdb.Medium(*medium), Version: opsdb.FormatVersion}
	}
	return c, nil
}

func (v *view) copies(pkg opsdb.ID) ([]opsdb.Copy, error) {
	return query(v, scanCopy, `SELECT `+copyColumns+copyFrom+`WHERE c.package = $1 ORDER BY c.id`, string(pkg))
}

func (v *view) copy(id opsdb.ID) (opsdb.Copy, error) {
	return one(v, scanCopy, `SELECT `+copyColumns+copyFrom+`WHERE c.id = $1`, string(id))
}

func (t *tx) insertCopy(c opsdb.Copy) error {
	return t.exec(`INSERT INTO copy (id, package, location, form, path, state, size, verified_age, backfill, receipt)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
	    (SELECT key FROM receipt WHERE package = $2 AND location = $3 AND path = $5 ORDER BY at DESC, key DESC LIMIT 1))`,
		string(c.ID), string(c.Package), c.Location, string(c.Form), blob(c.Path), string(c.State), c.Size, us(c.VerifiedAge), c.Backfill)
}

func (t *tx) copyState(id opsdb.ID, state opsdb.CopyState) error {
	return t.exec(`UPDATE copy SET state = $1 WHERE id = $2`, string(state), string(id))
}

// readingOf is the reading that speaks for each copy c.
const readingOf = ` LEFT JOIN LATERAL (SELECT * FROM receipt WHERE key = c.receipt OFFSET 0) r ON true `

const readingColumns = `r.id, r.package, r.location, r.path, r.digest, r.size, r.at, r.worker, r.task, r.token, r.medium`

const receiptColumns = `id, package, location, path, digest, size, at, worker, task, token, medium`

func scanReceipt(r scanner) (x opsdb.Receipt, err error) {
	var path []byte
	var at *time.Time
	err = r.Scan(&x.ID, &x.Package, &x.Location, &path, &x.Digest, &x.Size, &at, &x.Worker, &x.Task, &x.Token, &x.Medium)
	x.Path, x.At, x.Version = string(path), timeOf(at), opsdb.FormatVersion
	return x, err
}
