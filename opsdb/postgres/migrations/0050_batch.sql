-- +goose Up

-- Tasks that are sent in one call of the transport carry one batch. In
-- task_slot a batch holds the slots for all of its tasks.
ALTER TABLE task ADD COLUMN batch text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX task_batch ON task (batch, id) WHERE batch <> '' AND state IN ('scheduled', 'in_progress');

-- +goose Down
SELECT 1;
