-- +goose Up

-- What a role may write is granted by column; where that is too wide, these
-- hold it to what its work is. Who may make tasks (engine, owner) is held to
-- the first two only; who may raise a token is a worker, others are interfaces.

-- Members are frozen before the tar begins, and with its digest for good (S4).
-- +goose StatementBegin
CREATE FUNCTION members_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT package FROM old_rows) m JOIN package p ON p.key = m.package WHERE p.digest <> '') THEN
    RAISE EXCEPTION 'a package that has its digest keeps its members (S4)' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER member_changed AFTER UPDATE ON member REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION members_frozen();
CREATE TRIGGER member_gone AFTER DELETE ON member REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION members_frozen();

-- +goose StatementBegin
CREATE FUNCTION not_yours() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'user % may not change this of a %', current_user, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION task_change(o task, n task, worker boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN worker THEN
      o.state IN ('scheduled', 'in_progress')
      AND (n.token = o.token OR n.token = o.token + 1 AND o.state = 'scheduled' AND n.state = 'in_progress')
      AND (n.confirmed = o.confirmed OR n.confirmed = o.token AND o.type = 'delete' AND o.state = 'in_progress')
      AND (n.state <> 'withdrawn' OR o.type = 'delete')
    ELSE
      o.state IN ('pending', 'failed') AND (n.state = 'withdrawn' OR n.state = o.state AND n.next_try IS NULL)
    END
$$;
-- +goose StatementEnd
CREATE TRIGGER task_guard BEFORE UPDATE ON task FOR EACH ROW
  WHEN (NOT has_table_privilege('task', 'INSERT') AND NOT task_change(OLD, NEW, has_column_privilege('task', 'token', 'UPDATE')))
  EXECUTE FUNCTION not_yours();

-- What may become of a copy: a worker brings it, reads it, and removes what the engine has condemned and scheduled.
-- +goose StatementBegin
CREATE FUNCTION copy_change(o copy, n copy, worker boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN NOT worker THEN
      (n.size = o.size OR o.form = 'files') AND (n.state = o.state OR o.state = 'deletion_scheduled' AND n.state = 'deletion_possible')
    WHEN o.state IN ('deleted', 'quarantined', 'lost') THEN n.state = o.state
    WHEN n.verified_at IS DISTINCT FROM o.verified_at AND NOT EXISTS (
      SELECT 1 FROM receipt r JOIN package p ON p.id = r.package
      WHERE r.key = n.receipt AND r.package = n.package AND r.location = n.location AND r.path = n.path AND r.digest = p.digest AND r.size = p.size) THEN false
    WHEN n.state = o.state THEN true
    WHEN n.state IN ('quarantined', 'lost') THEN true
    WHEN o.state IN ('expected', 'arrived') THEN n.state IN ('expected', 'arrived', 'present', 'staged')
    WHEN o.state = 'present' THEN n.state = 'staged'
    WHEN o.state = 'staged' THEN n.state = 'present'
    WHEN n.state = 'deletion_in_progress' THEN o.state = 'deletion_scheduled' AND EXISTS (
      SELECT 1 FROM task t WHERE t.package = n.package AND t.target_copy = n.id AND t.type = 'delete' AND t.state = 'in_progress' AND t.confirmed = t.token)
    WHEN n.state = 'deleted' THEN o.state = 'deletion_in_progress' AND EXISTS (
      SELECT 1 FROM task t WHERE t.package = n.package AND t.target_copy = n.id AND t.type = 'delete' AND t.confirmed > 0)
    WHEN n.state IN ('deletion_possible', 'deletion_failed') THEN o.state IN ('deletion_scheduled', 'deletion_in_progress')
    WHEN n.state IN ('present', 'staged') THEN o.state IN ('deletion_possible', 'deletion_scheduled', 'deletion_in_progress', 'deletion_failed')
    ELSE false END
$$;
-- +goose StatementEnd
CREATE TRIGGER copy_guard BEFORE UPDATE ON copy FOR EACH ROW
  WHEN (NOT has_table_privilege('task', 'INSERT') AND NOT copy_change(OLD, NEW, has_column_privilege('task', 'token', 'UPDATE')))
  EXECUTE FUNCTION not_yours();
CREATE TRIGGER copy_kept BEFORE DELETE ON copy FOR EACH ROW WHEN (OLD.state <> 'expected') EXECUTE FUNCTION not_yours();

CREATE TRIGGER package_guard BEFORE UPDATE ON package FOR EACH ROW
  WHEN (NOT has_table_privilege('task', 'INSERT') AND (
    OLD.digest <> '' AND (OLD.files, OLD.bytes) <> (NEW.files, NEW.bytes)
    OR OLD.quarantined <> '' AND OLD.quarantined <> NEW.quarantined))
  EXECUTE FUNCTION not_yours();
CREATE TRIGGER state_guard BEFORE UPDATE ON package_state FOR EACH ROW
  WHEN (NOT has_table_privilege('task', 'INSERT') AND (NEW.version < OLD.version OR OLD.urgent AND NOT NEW.urgent))
  EXECUTE FUNCTION not_yours();

-- A worker tells that files are gone, not that they are there; an interface files what is there.
CREATE TRIGGER file_guard BEFORE UPDATE ON file FOR EACH ROW
  WHEN (NOT has_table_privilege('task', 'INSERT') AND OLD.state <> NEW.state AND (
    CASE WHEN has_column_privilege('task', 'token', 'UPDATE') THEN NEW.state NOT IN ('deleted', 'lost')
    ELSE NEW.state NOT IN ('deleted', 'lost', 'present') END))
  EXECUTE FUNCTION not_yours();

-- A worker speaks for itself, not for people.
CREATE TRIGGER event_guard BEFORE INSERT ON event FOR EACH ROW
  WHEN (NOT has_table_privilege('task', 'INSERT') AND has_column_privilege('task', 'token', 'UPDATE') AND starts_with(NEW.actor, 'person:'))
  EXECUTE FUNCTION not_yours();

-- +goose Down
SELECT 1;
