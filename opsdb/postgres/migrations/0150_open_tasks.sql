-- +goose Up

-- The end of a task is written into no index (HOT): what is open stands in a table of its own, kept by triggers. A task's row was
-- written into three indexes again when it ended, one of them in no order, which cost half of the end.
CREATE TABLE open_task (
  package text COLLATE "C" NOT NULL,
  to_loc  text COLLATE "C" NOT NULL,
  task    text COLLATE "C" NOT NULL,
  look_at timestamptz,                        -- that of the task
  PRIMARY KEY (package, to_loc)               -- one open task for a package and a destination
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.5, autovacuum_analyze_scale_factor = 1);
CREATE INDEX open_task_look ON open_task (look_at) WHERE look_at IS NOT NULL;
INSERT INTO open_task SELECT package, to_loc, id, look_at FROM task WHERE open;

DROP INDEX task_open, task_look, task_batch;
CREATE INDEX task_batch ON task (batch, id) WHERE batch <> '';

-- As before (0100_claims.sql), with open_task.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION task_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'task', state, '', count(*), 0 FROM new_rows GROUP BY state;
    INSERT INTO open_task (package, to_loc, task, look_at) SELECT package, to_loc, id, look_at FROM new_rows WHERE open;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'task', state, '', sum(n), 0 FROM (SELECT state, 1 AS n FROM new_rows UNION ALL SELECT state, -1 FROM old_rows) x
      GROUP BY state HAVING sum(n) <> 0;
    DELETE FROM open_task WHERE ctid = ANY(ARRAY(SELECT o.ctid FROM new_rows n CROSS JOIN LATERAL
      (SELECT ctid FROM open_task WHERE package = n.package AND to_loc = n.to_loc AND task = n.id OFFSET 0) o WHERE NOT n.open));
    UPDATE package_state SET version = version + 1 WHERE id IN (
      SELECT package FROM (
        SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try, false FROM new_rows
        EXCEPT SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try,
          state = 'scheduled' AND lease_until < now() + interval '1 minute' FROM old_rows) x);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- What happens to few: a task is looked at at another time, or is open again.
-- +goose StatementBegin
CREATE FUNCTION task_look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF OLD.open THEN
    UPDATE open_task SET look_at = NEW.look_at WHERE package = NEW.package AND to_loc = NEW.to_loc AND task = NEW.id;
  ELSE
    INSERT INTO open_task (package, to_loc, task, look_at) VALUES (NEW.package, NEW.to_loc, NEW.id, NEW.look_at);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER task_looked AFTER UPDATE ON task FOR EACH ROW WHEN (NEW.open AND (NOT OLD.open OR NEW.look_at IS DISTINCT FROM OLD.look_at)) EXECUTE FUNCTION task_look();

-- +goose Down
SELECT 1;
