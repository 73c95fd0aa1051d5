-- +goose Up

-- Two workers may read a bad copy at once: one moves it to quarantine, the other finds it gone, and may be the first to say so. Then it is lost, and
-- who moved it tells where it lies. As in 0003_guards.sql, with that one step: by a worker whose task reads or makes this very copy, into quarantine.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION copy_change(o copy, n copy, worker boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN NOT worker THEN
      (n.size = o.size OR o.form = 'files') AND (n.state = o.state OR o.state = 'deletion_scheduled' AND n.state = 'deletion_possible')
    WHEN o.state = 'lost' AND n.state = 'quarantined' THEN
      o.form <> 'files' AND (n.before, n.size) = (o.before, o.size) AND n.verified_at IS NOT DISTINCT FROM o.verified_at
      AND substring(n.path FROM 1 FOR 12) = '.quarantine/'::bytea AND EXISTS (
        SELECT 1 FROM open_task x JOIN task t ON t.id = x.task WHERE x.package = n.package AND n.id IN (t.source_copy, t.target_copy)
          AND (t.state = 'in_progress' OR t.state = 'scheduled' AND t.worker <> ''))
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

-- +goose Down
SELECT 1;
