package postgres

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// Fellows implements opsdb.Working.
func (s *Store) Fellows(ctx context.Context, task opsdb.ID) (ids []opsdb.ID, err error) {
	err = s.read(ctx, "Fellows", func(v *view) error {
		ids, err = query(v, tables.ScanID, `SELECT id FROM task WHERE batch = (SELECT batch FROM task WHERE id = $1) AND batch <> ''
		  AND open AND state = 'scheduled' AND piece = 'send' ORDER BY id`, string(task))
		return err
	})
	return ids, err
}

// leave takes a task out of its batch, whose slots are free when the last one
// has left. With a next piece the task goes on by itself, and takes slots of
// its own for what the batch took beside the link. Who leaves takes the rows
// of the batch first: of two that leave at once the second sees that it is the last.
func (t *tx) leave(j job, next opsdb.Piece) error {
	if j.Batch == "" || j.Piece != opsdb.Send {
		return nil
	}
	t.queue(`SELECT FROM task_slot WHERE task = $1 ORDER BY slot FOR UPDATE`, string(j.Batch))
	if next != "" {
		if err := t.exec(`INSERT INTO task_slot (task, slot) SELECT $1, CASE slot WHEN 'site:' || $2::text THEN 'site:' || $3::text ELSE slot END
		  FROM task_slot WHERE task = $4 AND NOT starts_with(slot, 'link:') ON CONFLICT DO NOTHING`, string(j.ID), j.SendSite, j.ReceiveSite, string(j.Batch)); err != nil {
			return err
		}
	}
	return t.exec(`DELETE FROM task_slot WHERE task = $1 AND NOT EXISTS (SELECT FROM task t
	  WHERE t.batch = $1 AND t.batch <> '' AND t.open AND t.state IN ('scheduled', 'in_progress') AND t.piece = 'send' AND t.id <> $2)`, string(j.Batch), string(j.ID))
}
