-- +goose Up

-- The database was put back to an earlier time, and no inventory has passed since (S8).
ALTER TABLE opsdb ADD COLUMN restored_at INTEGER;
ALTER TABLE opsdb ADD COLUMN restored_by TEXT NOT NULL DEFAULT '';
ALTER TABLE opsdb ADD COLUMN restored_why TEXT NOT NULL DEFAULT '';

-- The epochs that ended so.
CREATE TABLE past_epoch (
  epoch TEXT PRIMARY KEY,
  ended INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was last found at a location.
CREATE TABLE inventory (
  location TEXT PRIMARY KEY,
  epoch    TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  who      TEXT    NOT NULL,
  found    INTEGER NOT NULL,
  lost     INTEGER NOT NULL,
  unknown  INTEGER NOT NULL,
  accepted TEXT    NOT NULL,
  passed   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
SELECT 1;
