-- +goose Up
-- Most statements change one row. What a trigger then has to do is said in plain steps: a query that
-- adds up sets of rows costs the same to begin for one as for hundreds.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION task_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  one record;
BEGIN
  PERFORM FROM new_rows OFFSET 1;
  IF FOUND THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'task', state, '', count(*), 0 FROM new_rows GROUP BY state;
    INSERT INTO open_task (package, to_loc, task, look_at) SELECT package, to_loc, id, look_at FROM new_rows WHERE open;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
    RETURN NULL;
  END IF;
  SELECT id, package, to_loc, state, open, look_at INTO one FROM new_rows;
  IF FOUND THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('task', one.state, '', 1, 0);
    IF one.open THEN
      INSERT INTO open_task (package, to_loc, task, look_at) VALUES (one.package, one.to_loc, one.id, one.look_at);
    END IF;
    UPDATE package_state SET version = version + 1 WHERE id = one.package;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION copy_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  one record;
  was record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM FROM new_rows OFFSET 3;
    IF FOUND THEN
      INSERT INTO tally_delta (kind, a, b, count, bytes)
        SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM new_rows c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    ELSE
      FOR one IN SELECT location, form, state, size, backfill FROM new_rows LOOP
        INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('copy', one.location, one.state, 1, one.size);
        IF one.state = 'expected' THEN
          INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('reserved', one.location, '', 1, one.size);
        ELSIF one.form <> 'files' AND one.state NOT IN ('deleted', 'lost') THEN
          INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('used', one.location, '', 1, one.size);
        END IF;
        IF one.backfill AND one.state NOT IN ('deleted', 'lost') THEN
          INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('backfill', one.location, '', 1, one.size);
        END IF;
      END LOOP;
    END IF;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM old_rows c, copy_counts(-1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM old_rows);
  ELSE
    PERFORM FROM new_rows OFFSET 1;
    IF NOT FOUND THEN
      SELECT package, location, form, state, size, backfill INTO one FROM new_rows;
      IF NOT FOUND THEN
        RETURN NULL;
      END IF;
      SELECT location, form, state, size, backfill INTO was FROM old_rows;
      IF (one.location, one.form, one.state, one.size, one.backfill) = (was.location, was.form, was.state, was.size, was.backfill) THEN
        UPDATE package_state SET version = version + 1 WHERE id = one.package;
        RETURN NULL;
      END IF;
    END IF;
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

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION file_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  one record;
  was record;
BEGIN
  PERFORM FROM new_rows OFFSET 1;
  IF NOT FOUND THEN
    SELECT location, state, size, homes = 0 AND state = 'present' AS homeless INTO one FROM new_rows;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
    SELECT location, state, size, homes = 0 AND state = 'present' AS homeless INTO was FROM old_rows;
    IF (one.location, one.state, one.size) = (was.location, was.state, was.size) THEN
      IF one.homeless <> was.homeless THEN
        INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('homeless', one.location, '', CASE WHEN one.homeless THEN 1 ELSE -1 END, CASE WHEN one.homeless THEN one.size ELSE -one.size END);
      END IF;
      RETURN NULL;
    END IF;
  END IF;
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

-- +goose Down
SELECT 1;
