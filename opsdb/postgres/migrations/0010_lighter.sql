-- +goose Up

-- A row that changes is written into every index of its table again, unless no
-- column of any index changes. Tasks and packages change all the time.

-- Whether a package is dirty changes less often than its version does.
ALTER TABLE package_state SET (fillfactor = 70);
ALTER TABLE package_state ADD COLUMN dirty boolean NOT NULL GENERATED ALWAYS AS (version > evaluated) STORED;
DROP INDEX state_dirty;
CREATE INDEX state_dirty ON package_state (urgent DESC, made_at, package) WHERE dirty;

-- Of a task's package task_package knows; of what is open task_open.
DROP INDEX task_shown;
DROP INDEX task_scheduled;
DROP INDEX task_places;
DROP INDEX task_state;
CREATE INDEX task_ended ON task (state, id) WHERE state IN ('failed', 'withdrawn');

-- The guards are asked for every row: by the number of the table instead of its
-- name, and last what takes longest.
DROP TRIGGER task_guard ON task;
CREATE TRIGGER task_guard BEFORE UPDATE ON task FOR EACH ROW
  WHEN (NOT has_table_privilege('task'::regclass, 'INSERT') AND NOT task_change(OLD, NEW, has_column_privilege('task'::regclass, 'token', 'UPDATE')))
  EXECUTE FUNCTION not_yours();
DROP TRIGGER copy_guard ON copy;
CREATE TRIGGER copy_guard BEFORE UPDATE ON copy FOR EACH ROW
  WHEN (NOT has_table_privilege('task'::regclass, 'INSERT') AND NOT copy_change(OLD, NEW, has_column_privilege('task'::regclass, 'token', 'UPDATE')))
  EXECUTE FUNCTION not_yours();
DROP TRIGGER state_guard ON package_state;
CREATE TRIGGER state_guard BEFORE UPDATE ON package_state FOR EACH ROW
  WHEN ((NEW.version < OLD.version OR OLD.urgent AND NOT NEW.urgent) AND NOT has_table_privilege('task'::regclass, 'INSERT'))
  EXECUTE FUNCTION not_yours();

-- +goose Down
SELECT 1;
