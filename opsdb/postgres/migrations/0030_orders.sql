-- +goose Up

-- What people may do to a task that is scheduled and that no worker has begun: end the wait for one,
-- because a pause keeps it from beginning.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION task_change(o task, n task, worker boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN worker THEN
      o.state IN ('scheduled', 'in_progress')
      AND (n.token = o.token OR n.token = o.token + 1 AND o.state = 'scheduled' AND n.state = 'in_progress')
      AND (n.confirmed = o.confirmed OR n.confirmed = o.token AND o.type = 'delete' AND o.state = 'in_progress')
      AND (n.state <> 'withdrawn' OR o.type = 'delete')
    ELSE
      o.state IN ('pending', 'failed') AND (n.state = 'withdrawn' OR n.state = o.state AND n.next_try IS NULL)
      OR o.state = 'scheduled' AND o.worker = '' AND n.state = o.state AND n.worker = o.worker AND n.lease_until <= o.lease_until
    END
$$;
-- +goose StatementEnd

-- A package leaves its quarantine by this alone, and never without its event.
-- +goose StatementBegin
CREATE FUNCTION lift_quarantine(pkg text, event_id text, format integer, moment timestamptz, who text, kind text, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO event (version, at, revision, id, actor, kind, subject, package, location, why, before, after)
    SELECT format, moment, 0, event_id, who, lift_quarantine.kind, 'package:' || p.id, p.id, '', lift_quarantine.why, p.quarantined, '' FROM package p WHERE p.id = pkg AND p.quarantined <> '';
  UPDATE package SET quarantined = '' WHERE id = pkg;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION lift_quarantine FROM PUBLIC;
