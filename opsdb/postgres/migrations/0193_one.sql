-- +goose Up
-- 0172_few.sql and 0180_lots.sql together: of one task it is said in plain steps what has changed, of many as in 0180.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION task_moves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  ended boolean;
  moved text[];
  one record;
  was record;
BEGIN
  PERFORM FROM new_rows OFFSET 1;
  IF FOUND THEN
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
  END IF;
  SELECT id, package, to_loc, state, piece, attempts, next_try, open INTO one FROM new_rows;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT package, state, piece, attempts, next_try, lease_until INTO was FROM old_rows;
  IF one.state <> was.state THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) VALUES ('task', was.state, '', -1, 0), ('task', one.state, '', 1, 0);
  END IF;
  IF NOT one.open THEN
    DELETE FROM open_task WHERE package = one.package AND to_loc = one.to_loc AND task = one.id;
  END IF;
  -- That a task is claimed is nothing new, unless its deadline was near (0100_claims.sql).
  IF (CASE one.state WHEN 'in_progress' THEN 'scheduled' ELSE one.state END, one.package, one.piece, one.attempts) <> (CASE was.state WHEN 'in_progress' THEN 'scheduled' ELSE was.state END, was.package, was.piece, was.attempts)
    OR one.next_try IS DISTINCT FROM was.next_try OR was.state = 'scheduled' AND was.lease_until < now() + interval '1 minute' THEN
    UPDATE package_state SET version = version + 1 WHERE id = one.package;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
