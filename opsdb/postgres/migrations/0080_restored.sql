-- +goose Up

-- The database was put back to an earlier time, and no inventory has passed since (S8).
ALTER TABLE opsdb ADD COLUMN restored_at timestamptz;
ALTER TABLE opsdb ADD COLUMN restored_by text NOT NULL DEFAULT '';
ALTER TABLE opsdb ADD COLUMN restored_why text NOT NULL DEFAULT '';

-- The epochs that ended so.
CREATE TABLE past_epoch (
  epoch text        PRIMARY KEY,
  ended timestamptz NOT NULL
);

-- What was last found at a location.
CREATE TABLE inventory (
  location text        PRIMARY KEY,
  epoch    text        NOT NULL,
  at       timestamptz NOT NULL,
  who      text        NOT NULL,
  found    bigint      NOT NULL,
  lost     bigint      NOT NULL,
  unknown  bigint      NOT NULL,
  accepted text        NOT NULL,
  passed   boolean     NOT NULL
);

-- Whoever notices may say it, and with that fence off what the old epoch began; nobody can take it back so.
-- +goose StatementBegin
CREATE FUNCTION mark_restored(was text, epoch text, gap bigint, moment timestamptz, who text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM FROM package_state ORDER BY id FOR NO KEY UPDATE;
  INSERT INTO past_epoch (epoch, ended) VALUES (was, moment) ON CONFLICT DO NOTHING;
  UPDATE opsdb o SET epoch = mark_restored.epoch, restored_at = moment, restored_by = who, restored_why = why;
  UPDATE task t SET epoch = mark_restored.epoch, token = t.token + gap, lease_until = CASE WHEN t.state = 'in_progress' THEN moment ELSE t.lease_until END
    WHERE t.state IN ('pending', 'scheduled', 'in_progress');
  UPDATE package_state SET version = version + 1;
  UPDATE file_group SET version = version + 1 WHERE key IN (SELECT key FROM file_group WHERE NOT closed ORDER BY key FOR NO KEY UPDATE);
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION mark_restored FROM PUBLIC;

-- +goose Down
SELECT 1;
