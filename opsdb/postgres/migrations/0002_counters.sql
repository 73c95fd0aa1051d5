-- +goose Up

-- Counters and versions are kept by triggers, so that no path of the code can
-- forget them. They run once a statement, with the rights of the owner. They
-- do not join old and new rows: of how many there are a plan knows nothing.

-- +goose StatementBegin
CREATE FUNCTION file_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'file', location, state, count(*), sum(size) FROM new_rows GROUP BY location, state
      UNION ALL SELECT 'registered', location, '', count(*), sum(size) FROM new_rows GROUP BY location
      UNION ALL SELECT 'homeless', location, '', count(*), sum(size) FROM new_rows WHERE homes = 0 AND state = 'present' GROUP BY location;
  ELSE
    -- What was registered is counted apart from the states (S12).
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'registered', location, '', 0, sum(size) FROM (SELECT location, size FROM new_rows UNION ALL SELECT location, -size FROM old_rows) x
      GROUP BY location HAVING sum(size) <> 0;
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT kind, a, b, sum(n), sum(size) FROM (
        SELECT 'file' AS kind, location AS a, state AS b, 1 AS n, size FROM new_rows
        UNION ALL SELECT 'file', location, state, -1, -size FROM old_rows
        UNION ALL SELECT 'homeless', location, '', 1, size FROM new_rows WHERE homes = 0 AND state = 'present'
        UNION ALL SELECT 'homeless', location, '', -1, -size FROM old_rows WHERE homes = 0 AND state = 'present') x
      GROUP BY kind, a, b HAVING sum(n) <> 0 OR sum(size) <> 0;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER file_in AFTER INSERT ON file REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION file_tally();
CREATE TRIGGER file_moved AFTER UPDATE ON file REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION file_tally();

-- What one copy counts for, with sign.
-- +goose StatementBegin
CREATE FUNCTION copy_counts(sign integer, location text, form text, state text, size bigint, backfill boolean)
RETURNS TABLE (kind text, a text, b text, n bigint, bytes bigint) LANGUAGE sql IMMUTABLE AS $$
  SELECT 'copy', location, state, sign, sign * size
  UNION ALL SELECT 'used', location, '', sign, sign * size WHERE form <> 'files' AND state NOT IN ('expected', 'deleted', 'lost')
  UNION ALL SELECT 'reserved', location, '', sign, sign * size WHERE state = 'expected'
  UNION ALL SELECT 'backfill', location, '', sign, sign * size WHERE backfill AND state NOT IN ('deleted', 'lost')
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION copy_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM new_rows c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM old_rows c, copy_counts(-1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM old_rows);
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT kind, a, b, sum(n), sum(bytes) FROM (
        SELECT k.* FROM new_rows c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k
        UNION ALL SELECT k.* FROM old_rows c, copy_counts(-1, c.location, c.form, c.state, c.size, c.backfill) k) x
      GROUP BY kind, a, b HAVING sum(n) <> 0 OR sum(bytes) <> 0;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER copy_in AFTER INSERT ON copy REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION copy_tally();
CREATE TRIGGER copy_out AFTER DELETE ON copy REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION copy_tally();
CREATE TRIGGER copy_moved AFTER UPDATE ON copy REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION copy_tally();

-- +goose StatementBegin
CREATE FUNCTION task_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'task', state, '', count(*), 0 FROM new_rows GROUP BY state;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'task', state, '', sum(n), 0 FROM (SELECT state, 1 AS n FROM new_rows UNION ALL SELECT state, -1 FROM old_rows) x
      GROUP BY state HAVING sum(n) <> 0;
    UPDATE package_state SET version = version + 1 WHERE id IN (
      SELECT package FROM (SELECT id, package, state, piece, attempts, next_try FROM new_rows
        EXCEPT SELECT id, package, state, piece, attempts, next_try FROM old_rows) x);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER task_in AFTER INSERT ON task REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION task_tally();
CREATE TRIGGER task_moved AFTER UPDATE ON task REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION task_tally();

-- +goose StatementBegin
CREATE FUNCTION move_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'move', verdict, reason, count(*), 0 FROM new_rows GROUP BY verdict, reason
      UNION ALL SELECT 'backlog', link, '', count(*), sum(bytes) FROM new_rows WHERE link <> '' GROUP BY link;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'move', verdict, reason, -count(*), 0 FROM old_rows GROUP BY verdict, reason
      UNION ALL SELECT 'backlog', link, '', -count(*), -sum(bytes) FROM old_rows WHERE link <> '' GROUP BY link;
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT kind, a, b, sum(n), sum(bytes) FROM (
        SELECT 'move' AS kind, verdict AS a, reason AS b, 1 AS n, 0 AS bytes FROM new_rows
        UNION ALL SELECT 'move', verdict, reason, -1, 0 FROM old_rows
        UNION ALL SELECT 'backlog', link, '', 1, bytes FROM new_rows WHERE link <> ''
        UNION ALL SELECT 'backlog', link, '', -1, -bytes FROM old_rows WHERE link <> '') x
      GROUP BY kind, a, b HAVING sum(n) <> 0 OR sum(bytes) <> 0;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER move_in AFTER INSERT ON open_move REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION move_tally();
CREATE TRIGGER move_out AFTER DELETE ON open_move REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION move_tally();
CREATE TRIGGER move_changed AFTER UPDATE ON open_move REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION move_tally();

-- +goose StatementBegin
CREATE FUNCTION hop_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'hop', location, '', count(*), sum(bytes) FROM new_rows GROUP BY location;
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'hop', location, '', -count(*), -sum(bytes) FROM old_rows GROUP BY location;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER hop_in AFTER INSERT ON hop REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hop_tally();
CREATE TRIGGER hop_out AFTER DELETE ON hop REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hop_tally();

-- Who waits for a package is looked at again when that package changes (peers of S1f).
-- +goose StatementBegin
CREATE FUNCTION state_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'package', status, '', count(*), 0 FROM new_rows GROUP BY status;
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'package', status, '', sum(n), 0 FROM (SELECT status, 1 AS n FROM new_rows UNION ALL SELECT status, -1 FROM old_rows) x
      GROUP BY status HAVING sum(n) <> 0;
    INSERT INTO wakeup (cause, most, what)
      SELECT DISTINCT w.cause, 0, 'waiting' FROM (SELECT id, version FROM new_rows EXCEPT SELECT id, version FROM old_rows) n JOIN waiting w ON w.cause = 'package:' || n.id;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER state_in AFTER INSERT ON package_state REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION state_tally();
CREATE TRIGGER state_moved AFTER UPDATE ON package_state REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION state_tally();

-- A digest is born once (S4).
-- +goose StatementBegin
CREATE FUNCTION born_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'package % has its digest: it is never changed (S4)', OLD.name USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER package_born BEFORE UPDATE ON package FOR EACH ROW
  WHEN (OLD.digest <> '' AND (OLD.digest <> NEW.digest OR OLD.size <> NEW.size OR OLD.manifest <> NEW.manifest)) EXECUTE FUNCTION born_once();

-- Events and receipts are only ever added; of an event the sequencer gives seq and hash, once.
-- +goose StatementBegin
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_kept BEFORE DELETE OR TRUNCATE ON event FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER event_frozen BEFORE UPDATE ON event FOR EACH ROW
  WHEN (OLD.seq IS NOT NULL OR (OLD.key, OLD.id, OLD.version, OLD.at, OLD.actor, OLD.kind, OLD.subject, OLD.package, OLD.location, OLD.why, OLD.revision, OLD.before, OLD.after)
     IS DISTINCT FROM (NEW.key, NEW.id, NEW.version, NEW.at, NEW.actor, NEW.kind, NEW.subject, NEW.package, NEW.location, NEW.why, NEW.revision, NEW.before, NEW.after))
  EXECUTE FUNCTION append_only();
CREATE TRIGGER receipt_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt FOR EACH STATEMENT EXECUTE FUNCTION append_only();
CREATE TRIGGER revision_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON revision FOR EACH STATEMENT EXECUTE FUNCTION append_only();

-- +goose Down
SELECT 1;
