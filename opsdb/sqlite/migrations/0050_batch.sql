-- +goose Up

-- Tasks that are sent in one call of the transport carry one batch.
ALTER TABLE task ADD COLUMN batch TEXT NOT NULL DEFAULT '';
CREATE INDEX task_batch ON task (batch, id) WHERE batch <> '' AND state IN ('scheduled', 'in_progress');

-- Slots are held by a task, or by a batch for all of its tasks.
CREATE TABLE slot_holder (
  task TEXT NOT NULL,
  slot TEXT NOT NULL,
  PRIMARY KEY (task, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO slot_holder (task, slot) SELECT task, slot FROM task_slot;
DROP TABLE task_slot;
ALTER TABLE slot_holder RENAME TO task_slot;
-- +goose StatementBegin
CREATE TRIGGER slot_taken AFTER INSERT ON task_slot BEGIN
  INSERT INTO slot (name, in_use) VALUES (NEW.slot, 1) ON CONFLICT DO UPDATE SET in_use = in_use + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER slot_freed AFTER DELETE ON task_slot BEGIN
  UPDATE slot SET in_use = in_use - 1 WHERE name = OLD.slot;
END;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
