-- +goose Up

-- What triggers do when nothing of theirs has changed. A statement inside of one costs as much as one outside, also where it finds nothing
-- to write: a claim of one task ran five, of which one wrote.

-- Where a package stands is counted only by statements that write it. (A trigger for named columns has no transition tables.)
-- +goose StatementBegin
CREATE FUNCTION state_status() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('package', OLD.status, '', -1, 0), ('package', NEW.status, '', 1, 0);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER state_stands AFTER UPDATE OF status ON package_state FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION state_status();

-- Who waits for a package is looked for first: hardly ever is there anybody. Each of the rows is looked up, as they are few or many.
-- +goose StatementBegin
CREATE FUNCTION state_waited() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM new_rows n CROSS JOIN LATERAL (SELECT 1 FROM waiting w WHERE w.cause = 'package:' || n.id LIMIT 1) w) THEN
    INSERT INTO wakeup (cause, most, what)
      SELECT DISTINCT w.cause, 0, 'waiting' FROM (SELECT id, version FROM new_rows EXCEPT SELECT id, version FROM old_rows) n JOIN waiting w ON w.cause = 'package:' || n.id;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
DROP TRIGGER state_moved ON package_state;
CREATE TRIGGER state_moved AFTER UPDATE ON package_state REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION state_waited();

-- As before (0150_open_tasks.sql), but what is to be written besides is found out first, in one statement.
-- +goose StatementBegin
CREATE FUNCTION task_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ended boolean;
  moved text[];
BEGIN
  SELECT EXISTS (SELECT 1 FROM new_rows WHERE NOT open), ARRAY(SELECT package FROM (
      SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try, false FROM new_rows
      EXCEPT SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try,
        state = 'scheduled' AND lease_until < now() + interval '1 minute' FROM old_rows) x)
    INTO ended, moved;
  INSERT INTO tally_delta (kind, a, b, count, bytes)
    SELECT 'task', state, '', sum(n), 0 FROM (SELECT state, 1 AS n FROM new_rows UNION ALL SELECT state, -1 FROM old_rows) x
    GROUP BY state HAVING sum(n) <> 0;
  IF ended THEN
    DELETE FROM open_task WHERE ctid = ANY(ARRAY(SELECT o.ctid FROM new_rows n CROSS JOIN LATERAL
      (SELECT ctid FROM open_task WHERE package = n.package AND to_loc = n.to_loc AND task = n.id OFFSET 0) o WHERE NOT n.open));
  END IF;
  IF moved <> '{}' THEN
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT unnest(moved));
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
DROP TRIGGER task_moved ON task;
CREATE TRIGGER task_moved AFTER UPDATE ON task REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION task_moves();

-- Of a file that is looked at or packed two of the counters may change; all three are one statement.
-- +goose StatementBegin
CREATE FUNCTION file_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  -- What was registered is counted apart from the states (S12).
  INSERT INTO tally_delta (kind, a, b, count, bytes)
    SELECT kind, a, b, sum(n), sum(size) FROM (
      SELECT 'file' AS kind, location AS a, state AS b, 1 AS n, size FROM new_rows
      UNION ALL SELECT 'file', location, state, -1, -size FROM old_rows
      UNION ALL SELECT 'registered', location, '', 0, size FROM new_rows
      UNION ALL SELECT 'registered', location, '', 0, -size FROM old_rows
      UNION ALL SELECT 'homeless', location, '', 1, size FROM new_rows WHERE homes = 0 AND state = 'present'
      UNION ALL SELECT 'homeless', location, '', -1, -size FROM old_rows WHERE homes = 0 AND state = 'present') x
    GROUP BY kind, a, b HAVING sum(n) <> 0 OR sum(size) <> 0;
  RETURN NULL;
END $$;
-- +goose StatementEnd
DROP TRIGGER file_moved ON file;
CREATE TRIGGER file_moved AFTER UPDATE ON file REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION file_moves();

-- +goose Down
SELECT 1;
