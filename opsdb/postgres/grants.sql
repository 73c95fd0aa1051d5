-- What each role may do, for those that exist. Nobody but the owner may change
-- or remove events, receipts and revisions; the triggers hold the owner to it, too.
DO $$
DECLARE r record;
BEGIN
  IF to_regclass('cdt_schema_version') IS NULL THEN
    RETURN;
  END IF;
  FOR r IN SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
      AND proname IN ('file_tally', 'copy_tally', 'task_tally', 'task_look', 'move_tally', 'hop_tally', 'state_tally') LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %I() FROM PUBLIC', r.proname);
  END LOOP;
  FOR r IN SELECT rolname FROM pg_roles WHERE rolname IN ('cdt_engine', 'cdt_worker', 'cdt_api', 'cdt_reader') LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), r.rolname);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), r.rolname);
  END LOOP;
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'cdt_engine') THEN
    GRANT INSERT ON opsdb, observed_clock, chain_head, revision, site, location, link, pressure, tally, tally_delta, slot, room, worker, pause, observation,
      file, skip, file_group, group_file, route_number, package, package_state, segments, member, peer, receipt, copy, task, task_slot, open_move, hop,
      waiting, wakeup, brake, staging_request, hold, resend, event, past_epoch, inventory TO cdt_engine;
    GRANT UPDATE ON opsdb, observed_clock, chain_head, site, location, link, pressure, tally, slot, room, worker, pause, observation,
      file, skip, file_group, route_number, package, package_state, member, copy, task, task_slot, open_move, hop,
      waiting, wakeup, brake, staging_request, hold, resend, inventory TO cdt_engine;
    GRANT UPDATE (seq, hash) ON event TO cdt_engine;
    GRANT EXECUTE ON FUNCTION mark_restored TO cdt_engine;
    GRANT DELETE ON pressure, tally_delta, worker, pause, group_file, member, copy, task_slot, open_move, hop, waiting, wakeup, brake, hold TO cdt_engine;
  END IF;
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'cdt_worker') THEN
    GRANT INSERT, UPDATE, DELETE ON worker TO cdt_worker;
    GRANT INSERT ON receipt, event, segments, wakeup TO cdt_worker;
    GRANT UPDATE (one) ON opsdb TO cdt_worker; -- to share the lock on the active revision
    GRANT UPDATE (seen_at, up) ON site TO cdt_worker;
    GRANT UPDATE (free, total, down_reason, down_text, down_since, down_until, failures, failed_at, succeeded_at, blamed, pause, probe) ON location TO cdt_worker;
    GRANT UPDATE (down_reason, down_text, down_since, down_until, failures, failed_at, succeeded_at, blamed, pause, probe) ON link TO cdt_worker;
    GRANT UPDATE (state, piece, token, lease_until, look_at, worker, phase, done, total, attempts, next_try, failure, subject, confirmed, updated_at, ended_at, waits) ON task TO cdt_worker;
    GRANT UPDATE (state, path, size, identity, verified_at, verified_age, condemned_age, receipt, sidecar, reason, before, verify_asked) ON copy TO cdt_worker;
    GRANT UPDATE (size, digest, manifest, quarantined, gone, missed, files, bytes) ON package TO cdt_worker;
    GRANT UPDATE (version, urgent) ON package_state TO cdt_worker;
    GRANT UPDATE (name, start, size, digest) ON member TO cdt_worker;
    GRANT UPDATE (size, mod_time, identity, digest, version, state, homes, routed) ON file TO cdt_worker;
    GRANT UPDATE (files, bytes, last, version) ON file_group TO cdt_worker;
    GRANT INSERT, UPDATE (slot) ON task_slot TO cdt_worker;
    GRANT DELETE ON copy, member, group_file, task_slot TO cdt_worker;
    GRANT EXECUTE ON FUNCTION mark_restored TO cdt_worker;
  END IF;
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'cdt_api') THEN
    GRANT INSERT ON file, skip, observation, hold, staging_request, resend, pause, event, wakeup, location TO cdt_api;
    GRANT UPDATE (size, mod_time, identity, digest, version, state, homes, routed, conflict) ON file TO cdt_api;
    GRANT UPDATE (files, bytes, last, version, finished) ON file_group TO cdt_api;
    GRANT UPDATE (gone, missed) ON package TO cdt_api;
    GRANT UPDATE (version, urgent) ON package_state TO cdt_api;
    GRANT UPDATE (state, size, verify_asked) ON copy TO cdt_api;
    GRANT UPDATE (state, lease_until, look_at, next_try, worker, subject, updated_at, ended_at) ON task TO cdt_api;
    GRANT UPDATE (reason, at) ON skip TO cdt_api;
    GRANT UPDATE (marker) ON location TO cdt_api;
    GRANT UPDATE (released_at) ON staging_request TO cdt_api;
    GRANT UPDATE (ended_at) ON resend TO cdt_api;
    GRANT UPDATE (one) ON opsdb TO cdt_api; -- to take the lock on it
    GRANT UPDATE (suspect, quiet, ticked) ON observed_clock TO cdt_api;
    GRANT DELETE ON hold, pause, group_file, copy, task_slot TO cdt_api;
    GRANT EXECUTE ON FUNCTION lift_quarantine, mark_restored TO cdt_api;
  END IF;
END $$;
