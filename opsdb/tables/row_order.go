package tables

import "github.com/ccatobs/cdt/opsdb"

// RequestColumns are what [ScanRequest] reads of staging_request q.
const RequestColumns = `q.id, q.package, q.location, q.who, q.why, q.at, q.released_at`

// ScanRequest reads RequestColumns.
func ScanRequest(r Scanner) (q opsdb.StagingRequest, err error) {
	err = r.Scan(&q.ID, &q.Package, &q.Location, &q.Who, &q.Why, At(&q.At), At(&q.ReleasedAt))
	return q, err
}

// ResendColumns are what [ScanResend] reads of resend rs.
const ResendColumns = `rs.id, rs.package, rs.site, rs.who, rs.why, rs.at`

// ScanResend reads ResendColumns.
func ScanResend(r Scanner) (s opsdb.Resend, err error) {
	err = r.Scan(&s.ID, &s.Package, &s.Site, &s.Who, &s.Why, At(&s.At))
	return s, err
}

// HoldColumns are what [ScanHold] reads of hold h.
const HoldColumns = `h.id, h.package, h.location, h.kind, h.who, h.why, h.at`

// ScanHold reads HoldColumns.
func ScanHold(r Scanner) (h opsdb.Hold, err error) {
	err = r.Scan(&h.ID, &h.Package, &h.Location, &h.Kind, &h.Who, &h.Why, At(&h.At))
	return h, err
}
