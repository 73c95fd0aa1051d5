-- +goose Up

-- A login that is a worker and an interface at once, as a worker of a site with sources: it may what either may, and nothing that neither may.

-- It files a lost file that is there again, which a worker that is nothing else does not.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION file_guards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> NEW.state AND NEW.state NOT IN ('deleted', 'lost') AND (NEW.state <> 'present' OR only_worker())
    OR only_worker() AND NOT file_change(OLD, NEW) THEN
    RAISE EXCEPTION 'user % may not change this of a file', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- It gives a copy another size as a worker does, and source files as an interface does.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION copy_guards() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE worker boolean := has_column_privilege('task'::regclass, 'token', 'UPDATE');
BEGIN
  IF NOT copy_change(OLD, NEW, worker) OR NEW.size <> OLD.size AND worker AND NOT copy_size_change(OLD, NEW) AND (OLD.form <> 'files' OR only_worker()) THEN
    RAISE EXCEPTION 'user % may not change this of a copy', current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
