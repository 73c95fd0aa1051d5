-- +goose Up
-- Most statements change one row. What a trigger then has to do is said in plain steps: a query that
-- adds up sets of rows costs the same to begin for one as for hundreds. Those of tasks and copies are in 0193_one.sql and 0200_unborn.sql.

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
