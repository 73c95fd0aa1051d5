-- +goose Up
-- A package that is being made stands nowhere yet (package_state), and has no version that its copies and tasks could raise: an update of no row costs what one of a row does, and
-- runs the triggers of that table as well. One row is counted in plain steps (0172_few.sql), and whether there is such a state is asked for with what the trigger asks for anyway.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION task_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  one record;
BEGIN
  SELECT id, package, to_loc, state, open, look_at, EXISTS (SELECT FROM new_rows OFFSET 1) AS many, EXISTS (SELECT FROM package_state s WHERE s.id = n.package) AS stands INTO one FROM new_rows n;
  IF NOT FOUND THEN
    RETURN NULL;
  ELSIF one.many THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'task', state, '', count(*), 0 FROM new_rows GROUP BY state;
    INSERT INTO open_task (package, to_loc, task, look_at) SELECT package, to_loc, id, look_at FROM new_rows WHERE open;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
    RETURN NULL;
  END IF;
  INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('task', one.state, '', 1, 0);
  IF one.open THEN
    INSERT INTO open_task (package, to_loc, task, look_at) VALUES (one.package, one.to_loc, one.id, one.look_at);
  END IF;
  IF one.stands THEN
    UPDATE package_state SET version = version + 1 WHERE id = one.package;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION copy_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  one record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT EXISTS (SELECT FROM new_rows OFFSET 3) AS many, EXISTS (SELECT FROM new_rows n CROSS JOIN LATERAL (SELECT FROM package_state WHERE id = n.package OFFSET 0) s) AS stand INTO one;
    IF one.many THEN
      INSERT INTO tally_delta (kind, a, b, count, bytes)
        SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM new_rows c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    ELSE
      INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT k.* FROM new_rows c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k;
    END IF;
    IF one.stand THEN
      UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
    END IF;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM old_rows c, copy_counts(-1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM old_rows);
  ELSE
    SELECT n.package, EXISTS (SELECT FROM new_rows OFFSET 1) AS many, (n.location, n.form, n.state, n.size, n.backfill) = (o.location, o.form, o.state, o.size, o.backfill) AS same
      INTO one FROM new_rows n, old_rows o;
    IF NOT FOUND THEN
      RETURN NULL;
    ELSIF one.same AND NOT one.many THEN
      UPDATE package_state SET version = version + 1 WHERE id = one.package;
      RETURN NULL;
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

-- +goose Down
SELECT 1;
