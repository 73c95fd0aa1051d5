package tables

import (
	"context"

	"github.com/ccatobs/cdt/opsdb"
)

// Fellows implements opsdb.Working.
func (s Store) Fellows(ctx context.Context, task opsdb.ID) (ids []opsdb.ID, err error) {
	err = s.read(ctx, "Fellows", func(v View) error {
		ids, err = Query(v, ScanID, `SELECT id FROM task WHERE batch = (SELECT batch FROM task WHERE id = $1) AND batch <> ''
		  AND `+v.Dialect().Open("task")+` AND state IN ('scheduled', 'in_progress') AND state = 'scheduled' AND piece = 'send' ORDER BY id`, string(task))
		return err
	})
	return ids, err
}

// Leave takes a task out of its batch, whose slots are free when the last one
// has left. With a next piece the task goes on by itself, and takes slots of
// its own for what the batch took beside the link. Who leaves takes the rows
// of the batch first: of two that leave at once the second sees that it is the last.
func Leave(t Tx, j Job, next opsdb.Piece) error {
	if j.Batch == "" || j.Piece != opsdb.Send {
		return nil
	}
	t.Take(`SELECT FROM task_slot WHERE task = $1 ORDER BY slot FOR UPDATE`, string(j.Batch))
	if next != "" {
		if err := t.Exec(`INSERT INTO task_slot (task, slot) SELECT $1, CASE slot WHEN 'site:' || CAST($2 AS text) THEN 'site:' || CAST($3 AS text) ELSE slot END
		  FROM task_slot WHERE task = $4 AND slot NOT LIKE 'link:%' ON CONFLICT DO NOTHING`, string(j.ID), j.SendSite, j.ReceiveSite, string(j.Batch)); err != nil {
			return err
		}
	}
	return t.Exec(`DELETE FROM task_slot WHERE task = $1 AND NOT EXISTS (SELECT 1 FROM task t
	  WHERE t.batch = $1 AND t.batch <> '' AND `+t.Dialect().Open("t")+` AND t.state IN ('scheduled', 'in_progress') AND t.piece = 'send' AND t.id <> $2)`, string(j.Batch), string(j.ID))
}
