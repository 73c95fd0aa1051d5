package tables

import (
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
)

// recordReceipts stores readings and makes each the latest one of its copy, unless a later one is known. A good
// reading of a copy that stands refreshes it; only Finish makes one stand.
func recordReceipts(t Tx, receipts []opsdb.Receipt) error {
	for _, r := range receipts {
		if r.ID == "" {
			r.ID = opsdb.NewID()
		}
		r.At = r.ReadAt(t.Now())
		n, err := t.ExecN(`INSERT INTO receipt (`+ReceiptColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING`,
			string(r.ID), string(r.Package), r.Location, Blob(r.Path), string(r.Digest), r.Size, Time(r.At), r.Worker, string(r.Task), r.Token, string(r.Medium))
		if err != nil {
			return fmt.Errorf("receipt of package %s at %s: %w", r.Package, r.Location, err)
		}
		if n == 0 {
			continue
		}
		if err := refresh(t, r); err != nil {
			return err
		}
	}
	return nil
}

func refresh(t Tx, r opsdb.Receipt) error {
	p, err := PackOf(t, r.Package)
	if err != nil {
		return err
	}
	unread, err := Query(t, ScanCopy, `SELECT `+CopyColumns+CopyFrom+`WHERE c.package = $1 AND c.location = $2 AND c.path = $3 AND c.state = 'present' AND c.receipt IS NULL`,
		string(r.Package), r.Location, Blob(r.Path))
	if err != nil {
		return err
	}
	if err := t.Exec(`UPDATE copy SET receipt = (SELECT key FROM receipt WHERE id = $1) WHERE package = $2 AND location = $3 AND path = $4
	  AND NOT EXISTS (SELECT 1 FROM receipt k WHERE k.key = copy.receipt AND k.at > $5)`,
		string(r.ID), string(r.Package), r.Location, Blob(r.Path), Time(r.At)); err != nil {
		return err
	}
	if !r.Speaks(p.Package, t.Now(), 0) {
		mismatch(t, p.Package, r)
		return nil
	}
	for _, c := range unread { // found again with its site, and right
		copyEvent(t, c, opsdb.EventCopyVerified, "worker:"+r.Worker, "", 0, JSON(r))
	}
	return t.Exec(`UPDATE copy SET verified_at = CASE WHEN verified_at > $1 THEN verified_at ELSE $1 END, verify_asked = CASE WHEN verify_asked > $1 THEN verify_asked END
	  WHERE package = $2 AND location = $3 AND path = $4 AND verified_at IS NOT NULL
	  AND state NOT IN ('deleted', 'quarantined', 'lost')`, Time(r.At), string(r.Package), r.Location, Blob(r.Path))
}

// mismatch notes a bad reading of a package that has its digest.
func mismatch(t Tx, p opsdb.Package, r opsdb.Receipt) {
	if p.Packed() && r.Digest != "" {
		t.Event(opsdb.Event{Actor: "worker:" + r.Worker, Kind: opsdb.EventCopyMismatch, Subject: packageSubject(p.ID), Package: p.ID, Location: r.Location, After: JSON(r)})
	}
}
