-- +goose Up

-- What a row costs where hundreds change at once.

-- A trigger before a change has each row locked for itself, and that written to the log, before it is asked whether it is to
-- be called at all. These only refuse, which they may do as well afterwards.
DROP TRIGGER task_guard ON task;
CREATE TRIGGER task_guard AFTER UPDATE ON task FOR EACH ROW WHEN (NOT has_table_privilege('task'::regclass, 'INSERT')) EXECUTE FUNCTION task_guards();
DROP TRIGGER state_guard ON package_state;
CREATE TRIGGER state_guard AFTER UPDATE ON package_state FOR EACH ROW
  WHEN ((NEW.version < OLD.version OR OLD.urgent AND NOT NEW.urgent) AND NOT has_table_privilege('task'::regclass, 'INSERT'))
  EXECUTE FUNCTION not_yours();

-- As before (0170_triggers.sql), but of claims, renewals and good ends it is known what they are: the others are compared with what they were.
-- What a task is while it runs (in_progress) is no fact for an evaluation but near its deadline; what has completed always is.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION task_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ended boolean;
  moved text[];
BEGIN
  SELECT EXISTS (SELECT 1 FROM new_rows WHERE state IN ('completed', 'failed', 'withdrawn')), ARRAY(
      SELECT package FROM old_rows WHERE state = 'scheduled' AND lease_until < now() + interval '1 minute'
      UNION ALL SELECT package FROM new_rows WHERE state = 'completed'
      UNION ALL SELECT package FROM (
        SELECT id, package, state, piece, attempts, next_try FROM new_rows WHERE state NOT IN ('in_progress', 'completed')
        EXCEPT SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try
          FROM old_rows WHERE EXISTS (SELECT 1 FROM new_rows WHERE state NOT IN ('in_progress', 'completed'))) x)
    INTO ended, moved;
  INSERT INTO tally_delta (kind, a, b, count, bytes)
    SELECT 'task', state, '', sum(n), 0 FROM (SELECT state, 1 AS n FROM new_rows UNION ALL SELECT state, -1 FROM old_rows) x
    GROUP BY state HAVING sum(n) <> 0;
  IF ended THEN
    DELETE FROM open_task WHERE ctid = ANY(ARRAY(SELECT o.ctid FROM new_rows n CROSS JOIN LATERAL
      (SELECT ctid FROM open_task WHERE package = n.package AND to_loc = n.to_loc AND task = n.id OFFSET 0) o WHERE n.state IN ('completed', 'failed', 'withdrawn')));
  END IF;
  IF moved <> '{}' THEN
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT unnest(moved));
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
