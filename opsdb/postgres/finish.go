package postgres

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// nextPiece schedules the task for its other piece: the link is free, the
// site's slot is now one of the site where the piece runs, the room stays.
func (t *tx) nextPiece(j job, piece opsdb.Piece) error {
	if err := tables.Leave(t, j, piece); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM task_slot WHERE task = $1 AND starts_with(slot, 'link:')`, string(j.ID)); err != nil {
		return err
	}
	before := "site:" + j.Site()
	if j.Piece = piece; before != "site:"+j.Site() {
		if err := t.exec(`UPDATE task_slot SET slot = $1 WHERE task = $2 AND slot = $3`, "site:"+j.Site(), string(j.ID), before); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE task SET state = 'scheduled', piece = $1, worker = '', phase = '', done = 0, total = 0, lease_until = $2, look_at = $6, updated_at = $3, waits = $5 WHERE id = $4`,
		string(piece), us(t.now.Add(j.ClaimBy)), us(t.now), string(j.ID), t.forClaim(), t.lookAt(t.now.Add(j.ClaimBy)))
}
