-- +goose Up

-- What a worker may change of files and groups, of the sizes of copies, and of the rows of workers: what its own work changes, and no more.
-- As in 0100_claims.sql each guard stands in a function, which only those whom it guards against call.

-- Whether who asks is a worker and nothing else: neither an engine, nor an interface that files what is there.
-- +goose StatementBegin
CREATE FUNCTION only_worker() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT has_column_privilege('task'::regclass, 'token', 'UPDATE') AND NOT has_column_privilege('file'::regclass, 'conflict', 'UPDATE')
$$;
-- +goose StatementEnd

-- A file that its package is left without has another content than when it was filed; nothing else gives a file another content, and
-- nothing a worker does puts one into a group or package. A worker tells that files are gone, not that they are there.
-- +goose StatementBegin
CREATE FUNCTION file_change(o file, n file) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT n.homes <= o.homes AND (o.routed OR NOT n.routed) AND (
    (n.size, n.mod_time, n.identity, n.digest, n.version) = (o.size, o.mod_time, o.identity, o.digest, o.version)
    OR o.state = 'present' AND n.version = o.version + 1 AND NOT n.routed AND EXISTS (
      SELECT 1 FROM open_task x JOIN task t ON t.id = x.task WHERE t.type = 'package' AND t.state = 'in_progress' AND t.from_loc = n.location))
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION file_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> NEW.state AND NEW.state NOT IN ('deleted', 'lost') AND (NEW.state <> 'present' OR has_column_privilege('task'::regclass, 'token', 'UPDATE'))
    OR only_worker() AND NOT file_change(OLD, NEW) THEN
    RAISE EXCEPTION 'user % may not change this of a file', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
DROP TRIGGER file_guard ON file;
CREATE TRIGGER file_guard BEFORE UPDATE ON file FOR EACH ROW WHEN (NOT has_table_privilege('task'::regclass, 'INSERT')) EXECUTE FUNCTION file_guards();

-- +goose StatementBegin
CREATE FUNCTION group_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF only_worker() AND (OLD.closed OR NEW.files > OLD.files OR NEW.version <= OLD.version) THEN
    RAISE EXCEPTION 'user % may not change this of a group', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER group_guard BEFORE UPDATE ON file_group FOR EACH ROW WHEN (NOT has_table_privilege('task'::regclass, 'INSERT')) EXECUTE FUNCTION group_guards();

-- What has been read back has the size that was read; source files only become fewer.
-- +goose StatementBegin
CREATE FUNCTION copy_size_change(o copy, n copy) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN o.form = 'files' THEN n.size < o.size
    WHEN o.state IN ('expected', 'arrived') THEN true
    ELSE EXISTS (SELECT 1 FROM receipt r WHERE r.key = n.receipt AND r.package = n.package AND r.location = n.location AND r.size = n.size) END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION copy_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT copy_change(OLD, NEW, has_column_privilege('task'::regclass, 'token', 'UPDATE')) OR NEW.size <> OLD.size AND only_worker() AND NOT copy_size_change(OLD, NEW) THEN
    RAISE EXCEPTION 'user % may not change this of a copy', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- A process renews and removes its own row: that of its login, or one that has not been renewed for long.
ALTER TABLE worker ADD COLUMN login text NOT NULL DEFAULT session_user;
UPDATE worker SET login = '';
-- +goose StatementBegin
CREATE FUNCTION worker_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.login NOT IN ('', session_user) AND OLD.seen_at > statement_timestamp() - interval '90 seconds' AND NOT has_table_privilege('task'::regclass, 'INSERT') THEN
    RAISE EXCEPTION 'user % may not change the row of a process of user %', session_user, OLD.login USING ERRCODE = 'insufficient_privilege';
  ELSIF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  NEW.login := session_user;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER worker_guard BEFORE INSERT OR UPDATE OR DELETE ON worker FOR EACH ROW EXECUTE FUNCTION worker_guards();

-- +goose Down
SELECT 1;
