-- +goose Up

-- What a claim costs. A guard that stands in the condition of a trigger is planned for anew with every
-- statement; in its function it is not, and only those whom it guards against call it.
DROP TRIGGER task_guard ON task;
-- +goose StatementBegin
CREATE FUNCTION task_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT task_change(OLD, NEW, has_column_privilege('task'::regclass, 'token', 'UPDATE')) THEN
    RAISE EXCEPTION 'user % may not change this of a task', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER task_guard BEFORE UPDATE ON task FOR EACH ROW WHEN (NOT has_table_privilege('task'::regclass, 'INSERT')) EXECUTE FUNCTION task_guards();

DROP TRIGGER copy_guard ON copy;
-- +goose StatementBegin
CREATE FUNCTION copy_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT copy_change(OLD, NEW, has_column_privilege('task'::regclass, 'token', 'UPDATE')) THEN
    RAISE EXCEPTION 'user % may not change this of a copy', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER copy_guard BEFORE UPDATE ON copy FOR EACH ROW WHEN (NOT has_table_privilege('task'::regclass, 'INSERT')) EXECUTE FUNCTION copy_guards();

-- Who makes a task holds its package, which is never removed.
ALTER TABLE task DROP CONSTRAINT task_package_fkey;

-- A claim within the deadline changes nothing that an evaluation looks at: what was given out is under way before and after. One
-- that comes when the deadline is near is a fact: whoever looks meanwhile may have found it over.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION task_tally() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'task', state, '', count(*), 0 FROM new_rows GROUP BY state;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'task', state, '', sum(n), 0 FROM (SELECT state, 1 AS n FROM new_rows UNION ALL SELECT state, -1 FROM old_rows) x
      GROUP BY state HAVING sum(n) <> 0;
    UPDATE package_state SET version = version + 1 WHERE id IN (
      SELECT package FROM (
        SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try, false FROM new_rows
        EXCEPT SELECT id, package, CASE state WHEN 'in_progress' THEN 'scheduled' ELSE state END, piece, attempts, next_try,
          state = 'scheduled' AND lease_until < now() + interval '1 minute' FROM old_rows) x);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- A claim and a renewed lease are written into no index (HOT): what they change no index looks at.
--   open     is whether a task is open: it changes when it ends, not when it is claimed.
--   look_at  is when Expire has to look at the lease; it is never later than the lease, which moves on all the time.
ALTER TABLE task ADD COLUMN open boolean NOT NULL GENERATED ALWAYS AS (state IN ('pending', 'scheduled', 'in_progress')) STORED,
  ADD COLUMN ill boolean NOT NULL GENERATED ALWAYS AS (state IN ('failed', 'withdrawn')) STORED, ADD COLUMN look_at timestamptz;
UPDATE task SET look_at = lease_until WHERE lease_until IS NOT NULL;
ALTER TABLE task ADD CONSTRAINT task_looked_at CHECK ((look_at IS NULL) = (lease_until IS NULL) AND look_at <= lease_until);
ALTER TABLE task SET (fillfactor = 50);
DROP INDEX task_open, task_lease, task_retry, task_subject, task_ended, task_batch;
CREATE UNIQUE INDEX task_open ON task (package, to_loc) WHERE open;
CREATE INDEX task_look ON task (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX task_retry ON task (next_try) WHERE next_try IS NOT NULL;
CREATE INDEX task_subject ON task (subject) WHERE subject <> '';
CREATE INDEX task_ended ON task (id) WHERE ill;
CREATE INDEX task_batch ON task (batch, id) WHERE batch <> '' AND open;

-- As before, with look_at.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION mark_restored(was text, epoch text, gap bigint, moment timestamptz, who text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM FROM package_state ORDER BY id FOR NO KEY UPDATE;
  INSERT INTO past_epoch (epoch, ended) VALUES (was, moment) ON CONFLICT DO NOTHING;
  UPDATE opsdb o SET epoch = mark_restored.epoch, restored_at = moment, restored_by = who, restored_why = why;
  UPDATE task t SET epoch = mark_restored.epoch, token = t.token + gap, lease_until = CASE WHEN t.state = 'in_progress' THEN moment ELSE t.lease_until END,
      look_at = CASE WHEN t.state = 'in_progress' THEN moment ELSE t.look_at END WHERE t.open;
  UPDATE package_state SET version = version + 1;
  UPDATE file_group SET version = version + 1 WHERE key IN (SELECT key FROM file_group WHERE NOT closed ORDER BY key FOR NO KEY UPDATE);
END $$;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
