--
-- PostgreSQL database dump
--

\restrict HPaVVRxPwZ9bPinKC08X8LY6temewqlclU0zuwQSL0CwKcZsOgTPRdYe2qUiSCV

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: river; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA river;


--
-- Name: river_job_state; Type: TYPE; Schema: river; Owner: -
--

CREATE TYPE river.river_job_state AS ENUM (
    'available',
    'cancelled',
    'completed',
    'discarded',
    'pending',
    'retryable',
    'running',
    'scheduled'
);


--
-- Name: append_only(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;


--
-- Name: born_once(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.born_once() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION 'package % has its digest: it is never changed (S4)', OLD.name USING ERRCODE = 'integrity_constraint_violation';
END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: copy; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.copy (
    id text NOT NULL COLLATE pg_catalog."C",
    package text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL COLLATE pg_catalog."C",
    form text NOT NULL,
    path bytea NOT NULL,
    state text NOT NULL,
    size bigint NOT NULL,
    identity text DEFAULT ''::text NOT NULL,
    verified_at timestamp with time zone,
    verified_age timestamp with time zone,
    condemned_age timestamp with time zone,
    receipt bigint,
    sidecar boolean DEFAULT false NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    before text DEFAULT ''::text NOT NULL,
    backfill boolean DEFAULT false NOT NULL,
    verify_asked timestamp with time zone
);


--
-- Name: copy_change(public.copy, public.copy, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.copy_change(o public.copy, n public.copy, worker boolean) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
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


--
-- Name: copy_counts(integer, text, text, text, bigint, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.copy_counts(sign integer, location text, form text, state text, size bigint, backfill boolean) RETURNS TABLE(kind text, a text, b text, n bigint, bytes bigint)
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT 'copy', location, state, sign, sign * size
  UNION ALL SELECT 'used', location, '', sign, sign * size WHERE form <> 'files' AND state NOT IN ('expected', 'deleted', 'lost')
  UNION ALL SELECT 'reserved', location, '', sign, sign * size WHERE state = 'expected'
  UNION ALL SELECT 'backfill', location, '', sign, sign * size WHERE backfill AND state NOT IN ('deleted', 'lost')
$$;


--
-- Name: copy_tally(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.copy_tally() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM new_rows c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT k.kind, k.a, k.b, sum(k.n), sum(k.bytes) FROM old_rows c, copy_counts(-1, c.location, c.form, c.state, c.size, c.backfill) k GROUP BY 1, 2, 3;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM old_rows);
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT kind, a, b, sum(n), sum(bytes) FROM (
        SELECT k.* FROM new_rows c, copy_counts(1, c.location, c.form, c.state, c.size, c.backfill) k
        UNION ALL SELECT k.* FROM old_rows c, copy_counts(-1, c.location, c.form, c.state, c.size, c.backfill) k) x
      GROUP BY kind, a, b HAVING sum(n) <> 0 OR sum(bytes) <> 0;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  END IF;
  RETURN NULL;
END $$;


--
-- Name: file_tally(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.file_tally() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'file', location, state, count(*), sum(size) FROM new_rows GROUP BY location, state
      UNION ALL SELECT 'registered', location, '', count(*), sum(size) FROM new_rows GROUP BY location
      UNION ALL SELECT 'homeless', location, '', count(*), sum(size) FROM new_rows WHERE homes = 0 AND state = 'present' GROUP BY location;
  ELSE
    -- What was registered is counted apart from the states (S12).
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'registered', location, '', 0, sum(size) FROM (SELECT location, size FROM new_rows UNION ALL SELECT location, -size FROM old_rows) x
      GROUP BY location HAVING sum(size) <> 0;
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT kind, a, b, sum(n), sum(size) FROM (
        SELECT 'file' AS kind, location AS a, state AS b, 1 AS n, size FROM new_rows
        UNION ALL SELECT 'file', location, state, -1, -size FROM old_rows
        UNION ALL SELECT 'homeless', location, '', 1, size FROM new_rows WHERE homes = 0 AND state = 'present'
        UNION ALL SELECT 'homeless', location, '', -1, -size FROM old_rows WHERE homes = 0 AND state = 'present') x
      GROUP BY kind, a, b HAVING sum(n) <> 0 OR sum(size) <> 0;
  END IF;
  RETURN NULL;
END $$;


--
-- Name: hop_tally(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.hop_tally() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'hop', location, '', count(*), sum(bytes) FROM new_rows GROUP BY location;
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'hop', location, '', -count(*), -sum(bytes) FROM old_rows GROUP BY location;
  END IF;
  RETURN NULL;
END $$;


--
-- Name: members_frozen(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.members_frozen() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT package FROM old_rows) m JOIN package p ON p.key = m.package WHERE p.digest <> '') THEN
    RAISE EXCEPTION 'a package that has its digest keeps its members (S4)' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;


--
-- Name: move_tally(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.move_tally() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'move', verdict, reason, count(*), 0 FROM new_rows GROUP BY verdict, reason
      UNION ALL SELECT 'backlog', link, '', count(*), sum(bytes) FROM new_rows WHERE link <> '' GROUP BY link;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'move', verdict, reason, -count(*), 0 FROM old_rows GROUP BY verdict, reason
      UNION ALL SELECT 'backlog', link, '', -count(*), -sum(bytes) FROM old_rows WHERE link <> '' GROUP BY link;
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT kind, a, b, sum(n), sum(bytes) FROM (
        SELECT 'move' AS kind, verdict AS a, reason AS b, 1 AS n, 0 AS bytes FROM new_rows
        UNION ALL SELECT 'move', verdict, reason, -1, 0 FROM old_rows
        UNION ALL SELECT 'backlog', link, '', 1, bytes FROM new_rows WHERE link <> ''
        UNION ALL SELECT 'backlog', link, '', -1, -bytes FROM old_rows WHERE link <> '') x
      GROUP BY kind, a, b HAVING sum(n) <> 0 OR sum(bytes) <> 0;
  END IF;
  RETURN NULL;
END $$;


--
-- Name: not_yours(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.not_yours() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION 'user % may not change this of a %', current_user, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;


--
-- Name: state_tally(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.state_tally() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'package', status, '', count(*), 0 FROM new_rows GROUP BY status;
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'package', status, '', sum(n), 0 FROM (SELECT status, 1 AS n FROM new_rows UNION ALL SELECT status, -1 FROM old_rows) x
      GROUP BY status HAVING sum(n) <> 0;
    INSERT INTO wakeup (cause, most, what)
      SELECT DISTINCT w.cause, 0, 'waiting' FROM (SELECT id, version FROM new_rows EXCEPT SELECT id, version FROM old_rows) n JOIN waiting w ON w.cause = 'package:' || n.id;
  END IF;
  RETURN NULL;
END $$;


--
-- Name: task; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.task (
    id text NOT NULL COLLATE pg_catalog."C",
    route text NOT NULL,
    stage text NOT NULL,
    type text NOT NULL,
    package text NOT NULL COLLATE pg_catalog."C",
    from_loc text NOT NULL COLLATE pg_catalog."C",
    to_loc text NOT NULL COLLATE pg_catalog."C",
    link text NOT NULL,
    send_site text NOT NULL,
    receive_site text NOT NULL,
    piece text NOT NULL,
    state text NOT NULL,
    class text NOT NULL,
    priority bigint NOT NULL,
    bytes bigint NOT NULL,
    revision bigint NOT NULL,
    epoch text NOT NULL,
    token bigint DEFAULT 0 NOT NULL,
    claim_by bigint NOT NULL,
    lease_until timestamp with time zone,
    worker text DEFAULT ''::text NOT NULL,
    phase text DEFAULT ''::text NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_try timestamp with time zone,
    failure text,
    subject text DEFAULT ''::text NOT NULL,
    source_copy text NOT NULL,
    target_copy text NOT NULL,
    form text NOT NULL,
    path bytea NOT NULL,
    expect text NOT NULL,
    confirmed bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone
)
WITH (fillfactor='80');


--
-- Name: task_change(public.task, public.task, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.task_change(o public.task, n public.task, worker boolean) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  SELECT CASE WHEN worker THEN
      o.state IN ('scheduled', 'in_progress')
      AND (n.token = o.token OR n.token = o.token + 1 AND o.state = 'scheduled' AND n.state = 'in_progress')
      AND (n.confirmed = o.confirmed OR n.confirmed = o.token AND o.type = 'delete' AND o.state = 'in_progress')
      AND (n.state <> 'withdrawn' OR o.type = 'delete')
    ELSE
      o.state IN ('pending', 'failed') AND (n.state = 'withdrawn' OR n.state = o.state AND n.next_try IS NULL)
    END
$$;


--
-- Name: task_tally(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.task_tally() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO tally_delta (kind, a, b, count, bytes) SELECT 'task', state, '', count(*), 0 FROM new_rows GROUP BY state;
    UPDATE package_state SET version = version + 1 WHERE id IN (SELECT package FROM new_rows);
  ELSE
    INSERT INTO tally_delta (kind, a, b, count, bytes)
      SELECT 'task', state, '', sum(n), 0 FROM (SELECT state, 1 AS n FROM new_rows UNION ALL SELECT state, -1 FROM old_rows) x
      GROUP BY state HAVING sum(n) <> 0;
    UPDATE package_state SET version = version + 1 WHERE id IN (
      SELECT package FROM (SELECT id, package, state, piece, attempts, next_try FROM new_rows
        EXCEPT SELECT id, package, state, piece, attempts, next_try FROM old_rows) x);
  END IF;
  RETURN NULL;
END $$;


--
-- Name: river_job_state_in_bitmask(bit, river.river_job_state); Type: FUNCTION; Schema: river; Owner: -
--

CREATE FUNCTION river.river_job_state_in_bitmask(bitmask bit, state river.river_job_state) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE state
        WHEN 'available' THEN get_bit(bitmask, 7)
        WHEN 'cancelled' THEN get_bit(bitmask, 6)
        WHEN 'completed' THEN get_bit(bitmask, 5)
        WHEN 'discarded' THEN get_bit(bitmask, 4)
        WHEN 'pending'   THEN get_bit(bitmask, 3)
        WHEN 'retryable' THEN get_bit(bitmask, 2)
        WHEN 'running'   THEN get_bit(bitmask, 1)
        WHEN 'scheduled' THEN get_bit(bitmask, 0)
        ELSE 0
    END = 1;
$$;


--
-- Name: brake; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.brake (
    location text NOT NULL COLLATE pg_catalog."C",
    minute bigint NOT NULL,
    bytes bigint NOT NULL,
    packages bigint NOT NULL
);


--
-- Name: cdt_schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.cdt_schema_version (
    id integer NOT NULL,
    version_id bigint NOT NULL,
    is_applied boolean NOT NULL,
    tstamp timestamp without time zone DEFAULT now() NOT NULL
);


--
-- Name: cdt_schema_version_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.cdt_schema_version ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.cdt_schema_version_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: chain_head; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.chain_head (
    one integer NOT NULL,
    seq bigint DEFAULT 0 NOT NULL,
    hash text DEFAULT ''::text NOT NULL,
    CONSTRAINT chain_head_one_check CHECK ((one = 1))
);


--
-- Name: event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.event (
    key bigint NOT NULL,
    id text NOT NULL,
    version integer NOT NULL,
    seq bigint,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    package text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL,
    why text NOT NULL,
    revision bigint NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    hash text DEFAULT ''::text NOT NULL
);


--
-- Name: event_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.event ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: file; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.file (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL COLLATE pg_catalog."C",
    path bytea NOT NULL,
    size bigint NOT NULL,
    mod_time bigint NOT NULL,
    identity text NOT NULL,
    digest text NOT NULL,
    instrument text NOT NULL,
    observation text NOT NULL,
    module text NOT NULL,
    program text NOT NULL,
    tags text NOT NULL,
    state text NOT NULL,
    filed_at timestamp with time zone NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    routed boolean DEFAULT false NOT NULL,
    homes integer DEFAULT 0 NOT NULL,
    conflict text DEFAULT ''::text NOT NULL
);


--
-- Name: file_group; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.file_group (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    route text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL COLLATE pg_catalog."C",
    group_key text NOT NULL COLLATE pg_catalog."C",
    instrument text NOT NULL,
    observation text NOT NULL COLLATE pg_catalog."C",
    module text NOT NULL,
    program text NOT NULL,
    tags text NOT NULL,
    files integer DEFAULT 0 NOT NULL,
    bytes bigint DEFAULT 0 NOT NULL,
    first timestamp with time zone,
    last timestamp with time zone,
    first_filed timestamp with time zone,
    finished boolean DEFAULT false NOT NULL,
    closed boolean DEFAULT false NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    evaluated bigint DEFAULT 0 NOT NULL,
    wake_at timestamp with time zone,
    reason text DEFAULT ''::text NOT NULL
);


--
-- Name: file_group_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.file_group ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.file_group_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: file_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.file ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.file_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: group_file; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.group_file (
    grp bigint NOT NULL,
    file bigint NOT NULL
);


--
-- Name: hold; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hold (
    id text NOT NULL COLLATE pg_catalog."C",
    package text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL,
    kind text NOT NULL,
    who text NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: hop; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.hop (
    package text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL COLLATE pg_catalog."C",
    bytes bigint NOT NULL
);


--
-- Name: link; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.link (
    name text NOT NULL COLLATE pg_catalog."C",
    from_site text NOT NULL,
    to_site text NOT NULL,
    down_reason text,
    down_text text,
    down_since timestamp with time zone,
    down_until timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    failed_at timestamp with time zone,
    succeeded_at timestamp with time zone,
    blamed text DEFAULT ''::text NOT NULL,
    pause bigint DEFAULT 0 NOT NULL,
    probe text DEFAULT ''::text NOT NULL,
    active boolean NOT NULL
);


--
-- Name: location; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.location (
    name text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL,
    storage text NOT NULL,
    marker text DEFAULT ''::text NOT NULL,
    capacity bigint DEFAULT 0 NOT NULL,
    free bigint DEFAULT '-1'::integer NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    down_reason text,
    down_text text,
    down_since timestamp with time zone,
    down_until timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    failed_at timestamp with time zone,
    succeeded_at timestamp with time zone,
    blamed text DEFAULT ''::text NOT NULL,
    pause bigint DEFAULT 0 NOT NULL,
    probe text DEFAULT ''::text NOT NULL,
    active boolean NOT NULL
);


--
-- Name: member; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.member (
    package bigint NOT NULL,
    path bytea NOT NULL,
    file bigint NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    start bigint DEFAULT 0 NOT NULL,
    size bigint NOT NULL,
    mod_time bigint NOT NULL,
    identity text NOT NULL,
    digest text DEFAULT ''::text NOT NULL
);


--
-- Name: observation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.observation (
    instrument text NOT NULL COLLATE pg_catalog."C",
    observation text NOT NULL COLLATE pg_catalog."C",
    finished_at timestamp with time zone NOT NULL
);


--
-- Name: observed_clock; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.observed_clock (
    one integer NOT NULL,
    observed timestamp with time zone NOT NULL,
    ticked timestamp with time zone NOT NULL,
    suspect boolean DEFAULT false NOT NULL,
    quiet bigint DEFAULT 0 NOT NULL,
    CONSTRAINT observed_clock_one_check CHECK ((one = 1))
);


--
-- Name: open_move; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.open_move (
    package text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    from_loc text NOT NULL COLLATE pg_catalog."C",
    to_loc text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    route text NOT NULL,
    type text NOT NULL,
    link text NOT NULL COLLATE pg_catalog."C",
    verdict text NOT NULL,
    reason text NOT NULL,
    text text NOT NULL,
    since timestamp with time zone,
    class integer NOT NULL,
    priority bigint NOT NULL,
    number bigint NOT NULL,
    made_at timestamp with time zone,
    bytes bigint NOT NULL,
    has_left boolean NOT NULL,
    on_way boolean NOT NULL,
    source_copy text NOT NULL,
    target_copy text NOT NULL,
    form text NOT NULL,
    expect text NOT NULL,
    send_site text NOT NULL,
    receive_site text NOT NULL,
    queued boolean NOT NULL
);


--
-- Name: opsdb; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.opsdb (
    one integer NOT NULL,
    epoch text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    stages text DEFAULT ''::text NOT NULL,
    CONSTRAINT opsdb_one_check CHECK ((one = 1))
);


--
-- Name: package; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.package (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    route text NOT NULL COLLATE pg_catalog."C",
    stage text NOT NULL COLLATE pg_catalog."C",
    number bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    dir text NOT NULL,
    grp text NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C",
    destination text NOT NULL,
    files integer NOT NULL,
    bytes bigint NOT NULL,
    size bigint NOT NULL,
    digest text DEFAULT ''::text NOT NULL,
    manifest text DEFAULT ''::text NOT NULL,
    instrument text NOT NULL,
    observation text NOT NULL,
    module text NOT NULL,
    program text NOT NULL,
    tags text NOT NULL,
    observed_at timestamp with time zone,
    made_at timestamp with time zone NOT NULL,
    made_age timestamp with time zone NOT NULL,
    first_filed timestamp with time zone,
    quarantined text DEFAULT ''::text NOT NULL,
    gone integer DEFAULT 0 NOT NULL,
    missed integer DEFAULT 0 NOT NULL
);


--
-- Name: package_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.package ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.package_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: package_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.package_state (
    package bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    made_at timestamp with time zone NOT NULL,
    first_filed timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    evaluated bigint DEFAULT 0 NOT NULL,
    wake_at timestamp with time zone,
    urgent boolean DEFAULT false NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    status text DEFAULT 'packing'::text NOT NULL,
    wanted text DEFAULT '[]'::text NOT NULL,
    policies text DEFAULT '{}'::text NOT NULL
)
WITH (fillfactor='80');


--
-- Name: pause; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pause (
    subject text NOT NULL COLLATE pg_catalog."C",
    who text NOT NULL,
    why text NOT NULL,
    since timestamp with time zone NOT NULL
);


--
-- Name: peer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.peer (
    package bigint NOT NULL,
    other bigint NOT NULL
);


--
-- Name: pressure; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pressure (
    location text NOT NULL COLLATE pg_catalog."C",
    pressing boolean NOT NULL,
    age timestamp with time zone NOT NULL,
    package text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: receipt; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.receipt (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    package text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL COLLATE pg_catalog."C",
    path bytea NOT NULL,
    digest text NOT NULL,
    size bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    worker text NOT NULL,
    task text NOT NULL,
    token bigint NOT NULL,
    medium text NOT NULL
);


--
-- Name: receipt_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.receipt ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.receipt_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: revision; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.revision (
    number bigint NOT NULL,
    digest text NOT NULL,
    text text NOT NULL,
    who text NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: room; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.room (
    location text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: route_number; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.route_number (
    route text NOT NULL COLLATE pg_catalog."C",
    last bigint NOT NULL
);


--
-- Name: segments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.segments (
    package bigint NOT NULL,
    digests text NOT NULL
);


--
-- Name: site; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.site (
    name text NOT NULL COLLATE pg_catalog."C",
    title text NOT NULL,
    state text NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    up boolean DEFAULT false NOT NULL,
    active boolean NOT NULL
);


--
-- Name: skip; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.skip (
    location text NOT NULL COLLATE pg_catalog."C",
    path bytea NOT NULL,
    reason text NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: slot; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.slot (
    name text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: staging_request; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.staging_request (
    id text NOT NULL COLLATE pg_catalog."C",
    package text NOT NULL COLLATE pg_catalog."C",
    location text NOT NULL,
    who text NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL,
    released_at timestamp with time zone
);


--
-- Name: tally; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tally (
    kind text NOT NULL COLLATE pg_catalog."C",
    a text NOT NULL COLLATE pg_catalog."C",
    b text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    bytes bigint NOT NULL
);


--
-- Name: tally_delta; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tally_delta (
    kind text NOT NULL COLLATE pg_catalog."C",
    a text NOT NULL COLLATE pg_catalog."C",
    b text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    count bigint NOT NULL,
    bytes bigint NOT NULL
);


--
-- Name: tally_now; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.tally_now AS
 SELECT x.kind,
    x.a,
    x.b,
    (sum(x.count))::bigint AS count,
    (sum(x.bytes))::bigint AS bytes
   FROM ( SELECT tally.kind,
            tally.a,
            tally.b,
            tally.count,
            tally.bytes
           FROM public.tally
        UNION ALL
         SELECT tally_delta.kind,
            tally_delta.a,
            tally_delta.b,
            tally_delta.count,
            tally_delta.bytes
           FROM public.tally_delta) x
  GROUP BY x.kind, x.a, x.b;


--
-- Name: task_slot; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.task_slot (
    task text NOT NULL COLLATE pg_catalog."C",
    slot text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: waiting; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waiting (
    cause text NOT NULL COLLATE pg_catalog."C",
    package text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: wakeup; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.wakeup (
    key bigint NOT NULL,
    cause text NOT NULL COLLATE pg_catalog."C",
    most integer NOT NULL,
    what text NOT NULL,
    package text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: wakeup_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.wakeup ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.wakeup_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: worker; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.worker (
    id text NOT NULL COLLATE pg_catalog."C",
    sites text NOT NULL,
    version text NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    at_once integer DEFAULT 0 NOT NULL,
    protocol integer DEFAULT 0 NOT NULL
);


--
-- Name: river_job; Type: TABLE; Schema: river; Owner: -
--

CREATE TABLE river.river_job (
    id bigint NOT NULL,
    state river.river_job_state DEFAULT 'available'::river.river_job_state NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    max_attempts smallint DEFAULT 25 NOT NULL,
    attempted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finalized_at timestamp with time zone,
    scheduled_at timestamp with time zone DEFAULT now() NOT NULL,
    priority smallint DEFAULT 1 NOT NULL,
    args jsonb NOT NULL,
    attempted_by text[],
    errors jsonb[],
    kind text NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    queue text DEFAULT 'default'::text NOT NULL,
    tags character varying(255)[] DEFAULT '{}'::character varying[] NOT NULL,
    unique_key bytea,
    unique_states bit(8),
    CONSTRAINT finalized_or_finalized_at_null CHECK ((((finalized_at IS NULL) AND (state <> ALL (ARRAY['cancelled'::river.river_job_state, 'completed'::river.river_job_state, 'discarded'::river.river_job_state]))) OR ((finalized_at IS NOT NULL) AND (state = ANY (ARRAY['cancelled'::river.river_job_state, 'completed'::river.river_job_state, 'discarded'::river.river_job_state]))))),
    CONSTRAINT kind_length CHECK (((char_length(kind) > 0) AND (char_length(kind) < 128))),
    CONSTRAINT max_attempts_is_positive CHECK ((max_attempts > 0)),
    CONSTRAINT priority_in_range CHECK (((priority >= 1) AND (priority <= 4))),
    CONSTRAINT queue_length CHECK (((char_length(queue) > 0) AND (char_length(queue) < 128)))
);


--
-- Name: river_job_id_seq; Type: SEQUENCE; Schema: river; Owner: -
--

CREATE SEQUENCE river.river_job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: river_job_id_seq; Type: SEQUENCE OWNED BY; Schema: river; Owner: -
--

ALTER SEQUENCE river.river_job_id_seq OWNED BY river.river_job.id;


--
-- Name: river_leader; Type: TABLE; Schema: river; Owner: -
--

CREATE UNLOGGED TABLE river.river_leader (
    elected_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    leader_id text NOT NULL,
    name text DEFAULT 'default'::text NOT NULL,
    CONSTRAINT leader_id_length CHECK (((char_length(leader_id) > 0) AND (char_length(leader_id) < 128))),
    CONSTRAINT name_length CHECK ((name = 'default'::text))
);


--
-- Name: river_migration; Type: TABLE; Schema: river; Owner: -
--

CREATE TABLE river.river_migration (
    line text NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT line_length CHECK (((char_length(line) > 0) AND (char_length(line) < 128))),
    CONSTRAINT version_gte_1 CHECK ((version >= 1))
);


--
-- Name: river_notification; Type: TABLE; Schema: river; Owner: -
--

CREATE TABLE river.river_notification (
    id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    payload text NOT NULL,
    topic text NOT NULL,
    CONSTRAINT topic_length CHECK (((length(topic) > 0) AND (length(topic) < 128)))
);


--
-- Name: river_notification_id_seq; Type: SEQUENCE; Schema: river; Owner: -
--

CREATE SEQUENCE river.river_notification_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: river_notification_id_seq; Type: SEQUENCE OWNED BY; Schema: river; Owner: -
--

ALTER SEQUENCE river.river_notification_id_seq OWNED BY river.river_notification.id;


--
-- Name: river_queue; Type: TABLE; Schema: river; Owner: -
--

CREATE TABLE river.river_queue (
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    paused_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);


--
-- Name: river_job id; Type: DEFAULT; Schema: river; Owner: -
--

ALTER TABLE ONLY river.river_job ALTER COLUMN id SET DEFAULT nextval('river.river_job_id_seq'::regclass);


--
-- Name: river_notification id; Type: DEFAULT; Schema: river; Owner: -
--

ALTER TABLE ONLY river.river_notification ALTER COLUMN id SET DEFAULT nextval('river.river_notification_id_seq'::regclass);


--
-- Data for Name: brake; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.brake (location, minute, bytes, packages) FROM stdin;
ccat.buffer	29921329	40448	1
cologne.buffer	29921329	40448	1
cornell.buffer	29921329	40448	1
ccat.primecam	29921329	17797	1
\.


--
-- Data for Name: cdt_schema_version; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.cdt_schema_version (id, version_id, is_applied, tstamp) FROM stdin;
1	0	t	2026-11-21 16:49:13.387682
2	1	t	2026-11-21 16:49:13.500357
3	2	t	2026-11-21 16:49:14.068336
4	3	t	2026-11-21 16:49:14.096045
\.


--
-- Data for Name: chain_head; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.chain_head (one, seq, hash) FROM stdin;
1	59	c814a3b0cf6752b6770e661c7cd42c3e35f2eefe22047c9961e0adf918e8ee28
\.


--
-- Data for Name: copy; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.copy (id, package, location, form, path, state, size, identity, verified_at, verified_age, condemned_age, receipt, sidecar, reason, before, backfill, verify_asked) FROM stdin;
01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	deleted	40448	65024:3366965	2026-11-21 16:49:23.35469+00	2026-11-21 16:49:23.064371+00	2026-11-21 16:49:23.883838+00	2	f			f	\N
01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	deleted	40448	65024:3366968	2026-11-21 16:49:23.948025+00	2026-11-21 16:49:23.509905+00	2026-11-21 16:49:23.883838+00	4	f			f	\N
01a1ff03-38f2-7f38-811f-0c329e663b2e	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.lta	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	present	40448	65024:3366969	2026-11-21 16:49:23.841349+00	2026-11-21 16:49:23.509905+00	\N	3	t			f	\N
01a1ff03-35d7-7010-97d7-d07e0c954267	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam	files	\\x	deleted	17797		\N	2026-11-21 16:49:22.591404+00	2026-11-21 16:49:24.643742+00	\N	f			f	\N
01a1ff03-3a5a-742c-9f1f-99637e6dbd4e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.lta	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	present	40448	65024:3366975	2026-11-21 16:49:24.088753+00	2026-11-21 16:49:23.791807+00	\N	5	t			f	\N
01a1ff03-365c-7cb8-b324-03138f173e86	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	deleted	40448	65024:3366962	2026-11-21 16:49:23.125116+00	2026-11-21 16:49:22.815404+00	2026-11-21 16:49:23.883838+00	1	f			f	\N
01a1ff03-576e-793c-843a-a6041e6292ee	01a1ff03-576d-798f-b6e6-d9a84fd96158	ccat.primecam	files	\\x	present	11484		\N	2026-11-21 16:49:31.198718+00	\N	\N	f			f	\N
01a1ff03-5786-70cd-8ebb-a8805c474927	01a1ff03-576d-798f-b6e6-d9a84fd96158	ccat.buffer	tar	\\x7261772f6f6273322f7261772d6f6273322d2d2d322d34666439363135382e746172	present	31744	65024:3366998	2026-11-21 16:49:31.596356+00	2026-11-21 16:49:31.248626+00	\N	6	f			f	\N
\.


--
-- Data for Name: event; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.event (key, id, version, seq, at, actor, kind, subject, package, location, why, revision, before, after, hash) FROM stdin;
1	01a1ff03-1432-72c4-ac9d-cb7f4136d90c	1	1	2026-11-21 16:49:14.289958+00	person:unknown	location.marked	location:ccat.buffer		ccat.buffer		0		01a1ff03-142f-7802-b85f-b7b27350e14f	3fef44599295a1ec7dcd2654b134186039606acfc47453e1f037bb2393cc7fb9
2	01a1ff03-143b-79a1-add4-0102c01bb871	1	2	2026-11-21 16:49:14.29894+00	person:unknown	location.marked	location:ccat.primecam		ccat.primecam		0		01a1ff03-1435-7e0b-b145-1f85ed435f9d	348e8120d327aa92a12ff4bbcec37509b4de14064b6c3a36172c3a7256d79b21
3	01a1ff03-143e-7c1e-bd18-51f8f19c6336	1	3	2026-11-21 16:49:14.302714+00	person:unknown	location.marked	location:cologne.buffer		cologne.buffer		0		01a1ff03-143d-78b3-9673-2cb40c7458b7	92fdc20137899df890746a13ec10f5968a42ddd09ff89bbd9b64cf6ffaa134df
4	01a1ff03-1440-72f9-bb7a-e073756868f7	1	4	2026-11-21 16:49:14.304122+00	person:unknown	location.marked	location:cologne.lta		cologne.lta		0		01a1ff03-143f-72ea-9658-16409e713551	b459c9df09040fc1f8267f5c870706c021186820d02a28d125ed765a801a8ddf
5	01a1ff03-1444-77ec-8516-102e4bcc95e7	1	5	2026-11-21 16:49:14.308451+00	person:unknown	location.marked	location:cornell.buffer		cornell.buffer		0		01a1ff03-1443-78ce-ae00-f037afcb6d5c	80d45800d534537052ddf07b11041549268bb7fba7863ef2d7efc1b618051cd1
6	01a1ff03-1445-7aff-98cb-039b8bed7b73	1	6	2026-11-21 16:49:14.309637+00	person:unknown	location.marked	location:cornell.lta		cornell.lta		0		01a1ff03-1444-7d56-bed0-4209e303ed88	38c8d684cc04aa566ab7f0718cd3d05c589944c43e49007778b15dfc184ac5bf
7	01a1ff03-1448-7a65-a418-4b1365bbfe37	1	7	2026-11-21 16:49:14.310583+00	person:unknown	revision.activated	revision:1				1	0	e6a4757dba58151a0cc6d1e66e5ef300c493b449554711702ffd48be0d859259	a901a70c869acb0f51495e6a4f79ea842dab1bc69de62c7a490b2c4c8b1eee8c
8	01a1ff03-2d89-74a9-ada8-c4f2d99d63c8	1	8	2026-11-21 16:49:20.77614+00	filing	file.filed	file:01a1ff03-2d89-73e8-a5d8-75f956ad2c83		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMS9tMC8wMDAwLmZpdHM=","size":2564}	6a0098d236e7d4964933434a83a2249f0ece1d45fd0889746bd0dbc0232623c7
9	01a1ff03-2d89-74ae-86d4-fd8bf92e1fe6	1	9	2026-11-21 16:49:20.77614+00	filing	file.filed	file:01a1ff03-2d89-73fa-a92b-5b4ae97c5fed		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMS9tMC8wMDAyLmZpdHM=","size":1387}	68590570553ec9c15e471339766abae796f820ce907730aabf8bf61b574dd9fd
10	01a1ff03-2d89-74b2-9393-a32e53f8d2e7	1	10	2026-11-21 16:49:20.77614+00	filing	file.filed	file:01a1ff03-2d89-73fe-9c31-bb26f5810976		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMS9tMC8wMDA0LmZpdHM=","size":2812}	a6f58b07f9d087fd2c48b93397ca2dda09f25c9353d0de696121a20988bfd002
11	01a1ff03-2d89-74bc-aa51-08240c41a280	1	11	2026-11-21 16:49:20.77614+00	filing	file.filed	file:01a1ff03-2d89-7400-aee5-92387d6c0d80		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMS9tMC8wMDA2LmZpdHM=","size":700}	d18470ee3f26eea9e1d25602e541174c55a603f16fbfe39b06e7714b7783aed8
12	01a1ff03-2d89-74be-9ecc-35f7dd478b55	1	12	2026-11-21 16:49:20.77614+00	filing	file.filed	file:01a1ff03-2d89-7402-adcd-0127ab8c2430		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMS9tMS8wMDAxLmZpdHM=","size":4778}	99b18327b0592a974fe3c27d9cc892f9ea7447a7f3495e4183c0cdb36d352674
13	01a1ff03-2d89-74c8-8fa9-7a71291e9e63	1	13	2026-11-21 16:49:20.77614+00	filing	file.filed	file:01a1ff03-2d89-740f-81d8-a259e57ad156		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMS9tMS8wMDAzLmZpdHM=","size":1205}	44649dc33ddf24ad20b2a20fb02620a683985330dacf8c9584b8211b1faae246
14	01a1ff03-2d89-74cb-a13a-90d4338efe15	1	14	2026-11-21 16:49:20.77614+00	filing	file.filed	file:01a1ff03-2d89-7414-9d01-9c8a430c23a0		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMS9tMS8wMDA1LmZpdHM=","size":4351}	e4f719150537de5d9e310f4ab453ec8a429652f2d43e27b2ee9bd7b14678d89e
15	01a1ff03-35cc-7395-a3a3-807dc1cb785e	1	15	2026-11-21 16:49:22.891496+00	engine	group.closed	group:01a1ff03-2dcc-74a2-9bc4-5d69dfeead0f		ccat.primecam		1		{"bytes":17797,"files":7,"key":"{\\"instrument\\":\\"primecam\\",\\"module\\":\\"-\\",\\"observation\\":\\"obs1\\"}"}	2ee765dd68796cc8060b647dd500ea807ad792f9f235735de190d048f018107d
16	01a1ff03-36b5-798c-ac00-33b491347c11	1	16	2026-11-21 16:49:23.125116+00	worker:vm:11190:8beea5bd	package.packed	package:01a1ff03-35cb-754c-8479-a962f9119d16	01a1ff03-35cb-754c-8479-a962f9119d16			1		{"bytes":17797,"digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","files":7,"size":40448}	70039a3ec5a20435fd332535fac1be0cb8542cf2a02bdc95493a7fc5bddf4e55
17	01a1ff03-36d3-7b8b-9777-808787b03778	1	17	2026-11-21 16:49:23.125116+00	worker:vm:11190:8beea5bd	copy.verified	copy:01a1ff03-365c-7cb8-b324-03138f173e86	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer		1	expected	{"id":"01a1ff03-36b4-7f1f-8c9c-92ef5857768b","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"ccat.buffer","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.125116Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-365b-7eaa-9b4f-8fbffde49cdf","token":1,"medium":"medium","version":1}	ef323595fe86ffe198e45ae12487664b444b72783ba7011b7c264b624e60111b
18	01a1ff03-373b-7521-be19-a971b0099889	1	18	2026-11-21 16:49:23.251233+00	worker:vm:11190:8beea5bd	copy.arrived	copy:01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer		1	expected	arrived	de826c92af2144e22c17a0b0fd05ed778ee69beaf451d5152c5cb10ff6f74597
19	01a1ff03-37a6-75ec-8876-788794bb61ef	1	19	2026-11-21 16:49:23.35469+00	worker:vm:11190:8beea5bd	copy.verified	copy:01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer		1	arrived	{"id":"01a1ff03-3797-780e-90f9-68be5681b630","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cologne.buffer","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.35469Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-3721-71cf-9f1d-dcb25e6d4bf1","token":2,"medium":"medium","version":1}	84a5578d237547240bb9d884aeddf95cdea633f68f67d9dad4b5b1a91453052e
32	01a1ff03-4084-762d-a539-fbd0333a7b95	1	32	2026-11-21 16:49:25.588446+00	worker:vm:11190:8beea5bd	copy.deleted	copy:01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer		1	deletion_in_progress	deleted	50000213f48d6ad79f400ffe34f21fe9ad95fce4aca654d08e819a3b86854279
22	01a1ff03-3a05-7e7c-94c5-9a8572a221b7	1	22	2026-11-21 16:49:23.948025+00	worker:vm:11190:8beea5bd	copy.verified	copy:01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer		1	arrived	{"id":"01a1ff03-39e8-72a1-8d1f-1b43b34689f2","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cornell.buffer","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.948025Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-391d-736f-91e5-8d2fdde12376","token":2,"medium":"medium","version":1}	44bd7d0d38d5e3c5b3fd6d1834ce7427fdf652fd932b466b7b0de11099ef9789
23	01a1ff03-3a7b-7d07-9d7b-73b8ae4c7f2c	1	23	2026-11-21 16:49:24.088753+00	worker:vm:11190:8beea5bd	copy.verified	copy:01a1ff03-3a5a-742c-9f1f-99637e6dbd4e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.lta		1	expected	{"id":"01a1ff03-3a69-7367-a009-09a73fe7fa56","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cornell.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:24.088753Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-3a59-7e1a-9439-ee6134917f88","token":1,"medium":"medium","version":1}	6365c5f1024d379044048a1872cab173600a3ce6755b63575472467e5722bc04
29	01a1ff03-3ffb-7d35-8453-eb26840203a3	1	29	2026-11-21 16:49:25.35298+00	worker:vm:11190:8beea5bd	copy.deleting	copy:01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer		1	deletion_scheduled	{"require":2,"fresh":"2880h0m0s","receipts":[{"id":"01a1ff03-397e-78cb-8cb3-e62737b7fb07","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cologne.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.841349Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-38de-7e56-b67a-3da47b5b2ff7","token":1,"medium":"medium","version":1},{"id":"01a1ff03-3a69-7367-a009-09a73fe7fa56","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cornell.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:24.088753Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-3a59-7e1a-9439-ee6134917f88","token":1,"medium":"medium","version":1}]}	9c52f0c183bdaf1c31b2b787e975834bce77a26ac647202c643f362aace3b264
20	01a1ff03-397d-7d01-b971-a6afa2e5008f	1	20	2026-11-21 16:49:23.834874+00	worker:vm:11190:8beea5bd	copy.arrived	copy:01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer		1	expected	arrived	9e673eafbf2c05b6c517b7c1fb9a628672093153aaa8ce6d2bc875767df60e6d
21	01a1ff03-3994-78ea-9d70-a4d2e6d990de	1	21	2026-11-21 16:49:23.841349+00	worker:vm:11190:8beea5bd	copy.verified	copy:01a1ff03-38f2-7f38-811f-0c329e663b2e	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.lta		1	expected	{"id":"01a1ff03-397e-78cb-8cb3-e62737b7fb07","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cologne.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.841349Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-38de-7e56-b67a-3da47b5b2ff7","token":1,"medium":"medium","version":1}	0e3700628efc824253711d3f7f4652d1afcb4d565d50c92cb43183ecf27097c5
24	01a1ff03-3acb-70e9-ad39-32ae9ff631ed	1	24	2026-11-21 16:49:24.169806+00	engine	copy.condemned	copy:01a1ff03-365c-7cb8-b324-03138f173e86	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer		1	present	deletion_possible	c89ba78a1b5228d52315a4a508b85f8fc7e1ba1fea04b3d3cfd4099c9b9d45f9
25	01a1ff03-3acb-7c8b-a320-ab4c95ecef75	1	25	2026-11-21 16:49:24.169806+00	engine	copy.condemned	copy:01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer		1	present	deletion_possible	be62ec6cbd953924d02dd2e3d57c8051fb4acc17e3a06e9d4e525307f2a7ee5a
26	01a1ff03-3ad1-7882-8850-3c7316ae8739	1	26	2026-11-21 16:49:24.169806+00	engine	copy.condemned	copy:01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer		1	present	deletion_possible	e4d8ddae1e9bb6fecde8c7cdf4013cf446ec15a5a03eb98df22e3c33845225b0
27	01a1ff03-3dc6-740f-a754-f07eeea0176b	1	27	2026-11-21 16:49:24.933025+00	engine	copy.condemned	copy:01a1ff03-35d7-7010-97d7-d07e0c954267	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deletion_possible	0f1cf399c3ddbd9b96155c27f19902adb88ee943bffcea472c0e14a52c30472d
28	01a1ff03-3fe9-797a-b5bd-fbeed5449bb7	1	28	2026-11-21 16:49:25.434764+00	worker:vm:11190:8beea5bd	copy.deleting	copy:01a1ff03-365c-7cb8-b324-03138f173e86	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer		1	deletion_scheduled	{"require":2,"fresh":"2880h0m0s","receipts":[{"id":"01a1ff03-397e-78cb-8cb3-e62737b7fb07","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cologne.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.841349Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-38de-7e56-b67a-3da47b5b2ff7","token":1,"medium":"medium","version":1},{"id":"01a1ff03-3a69-7367-a009-09a73fe7fa56","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cornell.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:24.088753Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-3a59-7e1a-9439-ee6134917f88","token":1,"medium":"medium","version":1}]}	6ad22171f787fe9d5356f242393ded2b989674bc2c5396b5f08c5c4b34ad18d0
30	01a1ff03-402f-7c9d-9c20-afd9550632d6	1	30	2026-11-21 16:49:25.534515+00	worker:vm:11190:8beea5bd	copy.deleting	copy:01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer		1	deletion_scheduled	{"require":2,"fresh":"2880h0m0s","receipts":[{"id":"01a1ff03-397e-78cb-8cb3-e62737b7fb07","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cologne.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.841349Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-38de-7e56-b67a-3da47b5b2ff7","token":1,"medium":"medium","version":1},{"id":"01a1ff03-3a69-7367-a009-09a73fe7fa56","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cornell.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:24.088753Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-3a59-7e1a-9439-ee6134917f88","token":1,"medium":"medium","version":1}]}	572b16ee7ca17aaf5518be5ef74c27ea49a4daef56d4b52c5da97173b29780c4
33	01a1ff03-4099-7bfe-87fd-9a5bd74fea79	1	33	2026-11-21 16:49:25.590718+00	worker:vm:11190:8beea5bd	copy.deleted	copy:01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer		1	deletion_in_progress	deleted	7f88b6cc837946ea1f07c0433287b360e04112047a2a96be267df636b22ee22f
34	01a1ff03-42fe-743b-88de-7952706a2731	1	34	2026-11-21 16:49:26.268974+00	worker:vm:11190:8beea5bd	copy.deleting	copy:01a1ff03-35d7-7010-97d7-d07e0c954267	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	deletion_scheduled	{"require":2,"fresh":"2880h0m0s","receipts":[{"id":"01a1ff03-397e-78cb-8cb3-e62737b7fb07","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cologne.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:23.841349Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-38de-7e56-b67a-3da47b5b2ff7","token":1,"medium":"medium","version":1},{"id":"01a1ff03-3a69-7367-a009-09a73fe7fa56","package":"01a1ff03-35cb-754c-8479-a962f9119d16","location":"cornell.lta","path":"raw/obs1/raw-obs1---1-f9119d16.tar","digest":"6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff","size":40448,"at":"2026-11-21T16:49:24.088753Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-3a59-7e1a-9439-ee6134917f88","token":1,"medium":"medium","version":1}],"files":7}	f2e34a905e1ed33327d607d63700d1bf18014369e1cd57a19135523809c6a5c5
46	01a1ff03-4f5a-79f4-b3c6-442af2e11d2e	1	46	2026-11-21 16:49:29.433181+00	filing	file.filed	file:01a1ff03-4f5a-7968-86f4-d285ae4111fa		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMi9tMC8wMDAwLmZpdHM=","size":4288}	9af2743c487bc2440dc8dade3db576d4fc85f3883955d44e95d8273f1e91ccf3
47	01a1ff03-4f5a-79f9-8603-dcc89b045ec0	1	47	2026-11-21 16:49:29.433181+00	filing	file.filed	file:01a1ff03-4f5a-7976-b9bd-3e8635767165		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMi9tMC8wMDAyLmZpdHM=","size":1265}	dfbf580cf38747ae2dc51cbff048f3a6b1359285bc4002f5bce1cba8cb26a5e8
48	01a1ff03-4f5a-79fe-a3a5-3279b669c0ad	1	48	2026-11-21 16:49:29.433181+00	filing	file.filed	file:01a1ff03-4f5a-797a-8cee-b8bf7d6c6a14		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMi9tMC8wMDA0LmZpdHM=","size":1665}	596ac122c8174d42df1da1636a38df8e4b6e8af4f947b23ba94b3d08dcf038d3
31	01a1ff03-4044-70a8-a022-a45ac72ac15b	1	31	2026-11-21 16:49:25.539694+00	worker:vm:11190:8beea5bd	copy.deleted	copy:01a1ff03-365c-7cb8-b324-03138f173e86	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer		1	deletion_in_progress	deleted	3a04fa9d69286bf3f7ea36ded8c66413bc54870933fd5edc903ef987647e7d51
35	01a1ff03-437d-7313-ab1b-90ae1f0499dc	1	35	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	file.deleted	file:01a1ff03-2d89-73e8-a5d8-75f956ad2c83	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deleted	6acdf7ea257af1ef59df5c0dcdafaf0915ac067d11270b75d26e1c000bf216f1
36	01a1ff03-437d-731e-a836-6f30554595f1	1	36	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	file.deleted	file:01a1ff03-2d89-73fa-a92b-5b4ae97c5fed	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deleted	83bccf4a4175afccf339c8b1cbb46f6a93eda0edcc81980131814eea9f5e8896
37	01a1ff03-437d-7323-a84e-f2cf2e512fee	1	37	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	file.deleted	file:01a1ff03-2d89-73fe-9c31-bb26f5810976	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deleted	2a4d349171d1c0eba6225ec5adbf5b7609b15235ed660976bdfc8800b8e1023e
38	01a1ff03-437d-7327-aac4-94dcfb7d279c	1	38	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	file.deleted	file:01a1ff03-2d89-7400-aee5-92387d6c0d80	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deleted	e0c8c3157add5348457551fa72cecc0b84451fad08057143b15a2dd53b50c727
39	01a1ff03-437d-7328-b73e-0c525636af0b	1	39	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	file.deleted	file:01a1ff03-2d89-7402-adcd-0127ab8c2430	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deleted	c311c0b6d72afba1598e5c8d132ca4d8a612cecbe054c761660b0bb940531297
40	01a1ff03-437d-732c-a071-5574b9f6bc7d	1	40	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	file.deleted	file:01a1ff03-2d89-740f-81d8-a259e57ad156	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deleted	bfa02daa0712710c4c75dbde8f8d4aeb17cbc4ebbab18b533f66834b25fa112a
41	01a1ff03-437d-732e-ac9a-0b19f3d600e4	1	41	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	file.deleted	file:01a1ff03-2d89-7414-9d01-9c8a430c23a0	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	present	deleted	686ccd38b7ed7a8f8890444205c4f7acaed275a6628e4f182e7ae3c0c43e99aa
42	01a1ff03-4384-77db-9cd9-1b094116000c	1	42	2026-11-21 16:49:26.395136+00	worker:vm:11190:8beea5bd	copy.deleted	copy:01a1ff03-35d7-7010-97d7-d07e0c954267	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam		1	deletion_in_progress	deleted	f8be677a15c6f81e8945aaba20b281d1cb294c196553d6cbcda747e01113acea
43	01a1ff03-45b1-77f7-b61c-504ada1d7512	1	43	2026-11-21 16:49:26.960223+00	person:unknown	hold.placed	hold:01a1ff03-45b0-71d2-af1f-0fceda3ba781	01a1ff03-35cb-754c-8479-a962f9119d16		wanted for a talk	0		delete	29f038c06b0ae3ed82901c1b029540c556a76d824951ecc738a215fded1b1f8d
44	01a1ff03-465e-7b28-9952-a5045920eb2a	1	44	2026-11-21 16:49:27.134301+00	person:unknown	pause.placed	link:ccat>cologne			works at the cable	0			c5090596495a3c9a7027e7b1cc0a95c59cdf1534ad731ab2ee67d26ee2c88f43
45	01a1ff03-46af-7f1c-84eb-3bd96a777874	1	45	2026-11-21 16:49:27.215701+00	person:unknown	pause.placed	link:ccat>cornell			works at the cable	0			d71d027d0c4d1a06913b48a52dfe3033b58d9a09bb925480c3fcae148fec31fa
49	01a1ff03-4f5a-7a06-8545-033a616aae79	1	49	2026-11-21 16:49:29.433181+00	filing	file.filed	file:01a1ff03-4f5a-797e-bb40-55578d838068		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMi9tMS8wMDAxLmZpdHM=","size":2311}	aefde88d08d1a30e8291b39b6c02504d29b0e104d6a8c0af112d2bfd58f55be2
50	01a1ff03-4f5a-7a09-abf0-18b5aed2401c	1	50	2026-11-21 16:49:29.433181+00	filing	file.filed	file:01a1ff03-4f5a-7980-967f-ca3a82786d42		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMi9tMS8wMDAzLmZpdHM=","size":1505}	242af4ff31141d234dc8a33bc377257561c1377c495d7e92067161ce1b2a4167
51	01a1ff03-4f5a-7a12-8241-761303235f92	1	51	2026-11-21 16:49:29.433181+00	filing	file.filed	file:01a1ff03-4f5a-7984-87d8-46620de4c153		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMi9tMS8wMDA1LmZpdHM=","size":450}	1c9d12166a9708f186341e6c0a09f47b511d0bfbf107dd4cc81994d6705b4a3d
52	01a1ff03-576d-7d42-a22a-84f3104697e5	1	52	2026-11-21 16:49:31.501683+00	engine	group.closed	group:01a1ff03-4f6d-70ff-8d9b-3a0487175b24		ccat.primecam		1		{"bytes":11484,"files":6,"key":"{\\"instrument\\":\\"primecam\\",\\"module\\":\\"-\\",\\"observation\\":\\"obs2\\"}"}	3bdd04160ffaf7e32d5f2f7aec82279cf6fa110f4bb9bd50f18f9dbaac63a9cc
53	01a1ff03-57cc-7f36-86fa-b3881c53d57b	1	53	2026-11-21 16:49:31.596356+00	worker:vm:11190:8beea5bd	package.packed	package:01a1ff03-576d-798f-b6e6-d9a84fd96158	01a1ff03-576d-798f-b6e6-d9a84fd96158			1		{"bytes":11484,"digest":"83a09bdeb0204c7a9f1e88bb0a6cbcfd077c13fad4ade5ab13fedd541afc878a","files":6,"size":31744}	dcaec1a37740b52b087ce82dd76f6e386b9d2ed37cba8d92858e3d0651652117
54	01a1ff03-57d2-79f0-9006-5113b5ea4e34	1	54	2026-11-21 16:49:31.596356+00	worker:vm:11190:8beea5bd	copy.verified	copy:01a1ff03-5786-70cd-8ebb-a8805c474927	01a1ff03-576d-798f-b6e6-d9a84fd96158	ccat.buffer		1	expected	{"id":"01a1ff03-57cc-72a1-becc-1bf38771677d","package":"01a1ff03-576d-798f-b6e6-d9a84fd96158","location":"ccat.buffer","path":"raw/obs2/raw-obs2---2-4fd96158.tar","digest":"83a09bdeb0204c7a9f1e88bb0a6cbcfd077c13fad4ade5ab13fedd541afc878a","size":31744,"at":"2026-11-21T16:49:31.596356Z","worker":"vm:11190:8beea5bd","task":"01a1ff03-5785-7e81-9262-50cd647f62d4","token":1,"medium":"medium","version":1}	c7a011f53a2ef1ae71615370b57d346d578791c434c91adf1011362cf77c4f17
55	01a1ff03-6f2a-76ad-bc77-57469883c3cb	1	55	2026-11-21 16:49:37.578128+00	filing	file.filed	file:01a1ff03-6f2a-7625-95fd-933cc220940f		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMy9tMC8wMDAwLmZpdHM=","size":3305}	29a4807e351dcfae317dabb81775f98add59bc33c4a8a84589764650cfc34779
56	01a1ff03-6f2a-76b2-9e9d-ff50737811b9	1	56	2026-11-21 16:49:37.578128+00	filing	file.filed	file:01a1ff03-6f2a-7630-a593-320eaa6a3748		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMy9tMC8wMDAyLmZpdHM=","size":5991}	20b62727d43f2c9b8018e1037f67e057be99f351a01c42fdfc05eccabfc7e3b1
57	01a1ff03-6f2a-76b8-9d1c-828f87de4d37	1	57	2026-11-21 16:49:37.578128+00	filing	file.filed	file:01a1ff03-6f2a-7634-b2e0-47810649fb15		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMy9tMC8wMDA0LmZpdHM=","size":2021}	a96f34b395cb537d868f030987af074af01aa87e41d6f3eb37bf30564961c644
58	01a1ff03-6f2a-76be-8ba4-04ed1481ced3	1	58	2026-11-21 16:49:37.578128+00	filing	file.filed	file:01a1ff03-6f2a-7637-8a77-8af911c260cf		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMy9tMS8wMDAxLmZpdHM=","size":1175}	60a3fb435a8e4a9608c16dedb70fcc50158bcaf4bf849b67cdacd06136abd099
59	01a1ff03-6f2a-76c1-a9ac-4d01f7478b7a	1	59	2026-11-21 16:49:37.578128+00	filing	file.filed	file:01a1ff03-6f2a-7638-84b2-7c233fe47b19		ccat.primecam		0		{"location":"ccat.primecam","path":"b2JzMy9tMS8wMDAzLmZpdHM=","size":2028}	c814a3b0cf6752b6770e661c7cd42c3e35f2eefe22047c9961e0adf918e8ee28
\.


--
-- Data for Name: file; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.file (key, id, location, path, size, mod_time, identity, digest, instrument, observation, module, program, tags, state, filed_at, version, routed, homes, conflict) FROM stdin;
1	01a1ff03-2d89-73e8-a5d8-75f956ad2c83	ccat.primecam	\\x6f6273312f6d302f303030302e66697473	2564	1790000000779407850	65024:3366950		primecam	obs1	-		null	deleted	2026-11-21 16:49:20.77614+00	1	t	1	
2	01a1ff03-2d89-73fa-a92b-5b4ae97c5fed	ccat.primecam	\\x6f6273312f6d302f303030322e66697473	1387	1790000002579105347	65024:3366953		primecam	obs1	-		null	deleted	2026-11-21 16:49:20.77614+00	1	t	1	
3	01a1ff03-2d89-73fe-9c31-bb26f5810976	ccat.primecam	\\x6f6273312f6d302f303030342e66697473	2812	1790000004906242498	65024:3366955		primecam	obs1	-		null	deleted	2026-11-21 16:49:20.77614+00	1	t	1	
4	01a1ff03-2d89-7400-aee5-92387d6c0d80	ccat.primecam	\\x6f6273312f6d302f303030362e66697473	700	1790000006249002182	65024:3366957		primecam	obs1	-		null	deleted	2026-11-21 16:49:20.77614+00	1	t	1	
5	01a1ff03-2d89-7402-adcd-0127ab8c2430	ccat.primecam	\\x6f6273312f6d312f303030312e66697473	4778	1790000001648726841	65024:3366952		primecam	obs1	-		null	deleted	2026-11-21 16:49:20.77614+00	1	t	1	
6	01a1ff03-2d89-740f-81d8-a259e57ad156	ccat.primecam	\\x6f6273312f6d312f303030332e66697473	1205	1790000003671918062	65024:3366954		primecam	obs1	-		null	deleted	2026-11-21 16:49:20.77614+00	1	t	1	
7	01a1ff03-2d89-7414-9d01-9c8a430c23a0	ccat.primecam	\\x6f6273312f6d312f303030352e66697473	4351	1790000005468443692	65024:3366956		primecam	obs1	-		null	deleted	2026-11-21 16:49:20.77614+00	1	t	1	
8	01a1ff03-4f5a-7968-86f4-d285ae4111fa	ccat.primecam	\\x6f6273322f6d302f303030302e66697473	4288	1790000000655284146	65024:3366986		primecam	obs2	-		null	present	2026-11-21 16:49:29.433181+00	1	t	1	
9	01a1ff03-4f5a-7976-b9bd-3e8635767165	ccat.primecam	\\x6f6273322f6d302f303030322e66697473	1265	1790000002001907739	65024:3366989		primecam	obs2	-		null	present	2026-11-21 16:49:29.433181+00	1	t	1	
10	01a1ff03-4f5a-797a-8cee-b8bf7d6c6a14	ccat.primecam	\\x6f6273322f6d302f303030342e66697473	1665	1790000004368117347	65024:3366991		primecam	obs2	-		null	present	2026-11-21 16:49:29.433181+00	1	t	1	
11	01a1ff03-4f5a-797e-bb40-55578d838068	ccat.primecam	\\x6f6273322f6d312f303030312e66697473	2311	1790000001106194628	65024:3366988		primecam	obs2	-		null	present	2026-11-21 16:49:29.433181+00	1	t	1	
12	01a1ff03-4f5a-7980-967f-ca3a82786d42	ccat.primecam	\\x6f6273322f6d312f303030332e66697473	1505	1790000003123921317	65024:3366990		primecam	obs2	-		null	present	2026-11-21 16:49:29.433181+00	1	t	1	
13	01a1ff03-4f5a-7984-87d8-46620de4c153	ccat.primecam	\\x6f6273322f6d312f303030352e66697473	450	1790000005058216622	65024:3366992		primecam	obs2	-		null	present	2026-11-21 16:49:29.433181+00	1	t	1	
14	01a1ff03-6f2a-7625-95fd-933cc220940f	ccat.primecam	\\x6f6273332f6d302f303030302e66697473	3305	1790000000784817037	65024:3367006		primecam	obs3	-		null	present	2026-11-21 16:49:37.578128+00	1	t	1	
15	01a1ff03-6f2a-7630-a593-320eaa6a3748	ccat.primecam	\\x6f6273332f6d302f303030322e66697473	5991	1790000002924065213	65024:3367009		primecam	obs3	-		null	present	2026-11-21 16:49:37.578128+00	1	t	1	
16	01a1ff03-6f2a-7634-b2e0-47810649fb15	ccat.primecam	\\x6f6273332f6d302f303030342e66697473	2021	1790000004125690025	65024:3367011		primecam	obs3	-		null	present	2026-11-21 16:49:37.578128+00	1	t	1	
17	01a1ff03-6f2a-7637-8a77-8af911c260cf	ccat.primecam	\\x6f6273332f6d312f303030312e66697473	1175	1790000001158259150	65024:3367008		primecam	obs3	-		null	present	2026-11-21 16:49:37.578128+00	1	t	1	
18	01a1ff03-6f2a-7638-84b2-7c233fe47b19	ccat.primecam	\\x6f6273332f6d312f303030332e66697473	2028	1790000003012452827	65024:3367010		primecam	obs3	-		null	present	2026-11-21 16:49:37.578128+00	1	t	1	
\.


--
-- Data for Name: file_group; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.file_group (key, id, route, stage, location, group_key, instrument, observation, module, program, tags, files, bytes, first, last, first_filed, finished, closed, version, evaluated, wake_at, reason) FROM stdin;
1	01a1ff03-2dcc-74a2-9bc4-5d69dfeead0f	raw	pack	ccat.primecam	{"instrument":"primecam","module":"-","observation":"obs1"}	primecam	obs1	-		null	7	17797	2026-11-21 16:49:20.537994+00	2026-11-21 16:49:20.537994+00	2026-11-21 16:49:20.77614+00	f	t	2	2	\N	close_when: group.idle >= seconds(2) || group.bytes >= MB(1)
2	01a1ff03-4f6d-70ff-8d9b-3a0487175b24	raw	pack	ccat.primecam	{"instrument":"primecam","module":"-","observation":"obs2"}	primecam	obs2	-		null	6	11484	2026-11-21 16:49:29.147223+00	2026-11-21 16:49:29.147223+00	2026-11-21 16:49:29.433181+00	f	t	2	2	\N	close_when: group.idle >= seconds(2) || group.bytes >= MB(1)
3	01a1ff03-6f33-78b9-997f-9c9f1ed7fd38	raw	pack	ccat.primecam	{"instrument":"primecam","module":"-","observation":"obs3"}	primecam	obs3	-		null	5	14520	2026-11-21 16:49:37.288612+00	2026-11-21 16:49:37.288612+00	2026-11-21 16:49:37.578128+00	f	f	2	2	2026-11-21 16:49:39.59279+00	close_when: group.idle >= seconds(2) || group.bytes >= MB(1)
\.


--
-- Data for Name: group_file; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.group_file (grp, file) FROM stdin;
3	14
3	15
3	16
3	17
3	18
\.


--
-- Data for Name: hold; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.hold (id, package, location, kind, who, why, at) FROM stdin;
01a1ff03-45b0-71d2-af1f-0fceda3ba781	01a1ff03-35cb-754c-8479-a962f9119d16		delete	unknown	wanted for a talk	2026-11-21 16:49:26.960223+00
\.


--
-- Data for Name: hop; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.hop (package, location, bytes) FROM stdin;
01a1ff03-576d-798f-b6e6-d9a84fd96158	ccat.buffer	31744
\.


--
-- Data for Name: link; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.link (name, from_site, to_site, down_reason, down_text, down_since, down_until, failures, failed_at, succeeded_at, blamed, pause, probe, active) FROM stdin;
ccat>cologne	ccat	cologne	\N	\N	\N	\N	0	\N	\N		0		t
ccat>cornell	ccat	cornell	\N	\N	\N	\N	0	\N	\N		0		t
cologne>cornell	cologne	cornell	\N	\N	\N	\N	0	\N	\N		0		t
cornell>cologne	cornell	cologne	\N	\N	\N	\N	0	\N	\N		0		t
\.


--
-- Data for Name: location; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.location (name, type, storage, marker, capacity, free, total, down_reason, down_text, down_since, down_until, failures, failed_at, succeeded_at, blamed, pause, probe, active) FROM stdin;
ccat.primecam	source	disk	01a1ff03-1435-7e0b-b145-1f85ed435f9d	0	33324560384	270553174016	\N	\N	\N	\N	0	\N	\N		0		t
cologne.buffer	buffer	disk	01a1ff03-143d-78b3-9673-2cb40c7458b7	0	33324556288	270553174016	\N	\N	\N	\N	0	\N	\N		0		t
cornell.lta	long_term_archive	disk	01a1ff03-1444-7d56-bed0-4209e303ed88	0	33324564480	270553174016	\N	\N	\N	\N	0	\N	\N		0		t
cornell.buffer	buffer	disk	01a1ff03-1443-78ce-ae00-f037afcb6d5c	0	33324556288	270553174016	\N	\N	\N	\N	0	\N	\N		0		t
ccat.buffer	buffer	disk	01a1ff03-142f-7802-b85f-b7b27350e14f	0	33324560384	270553174016	\N	\N	\N	\N	0	\N	\N		0		t
cologne.lta	long_term_archive	disk	01a1ff03-143f-72ea-9658-16409e713551	0	33324556288	270553174016	\N	\N	\N	\N	0	\N	\N		0		t
\.


--
-- Data for Name: member; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.member (package, path, file, name, start, size, mod_time, identity, digest) FROM stdin;
1	\\x6f6273312f6d302f303030302e66697473	1	data/obs1/m0/0000.fits	1536	2564	1790000000779407850	65024:3366950	030d1ae9fdf7d85e1b635c12fc0dd1183d826ab87a11bf73bbdbfc49f5fe81ff
1	\\x6f6273312f6d302f303030322e66697473	2	data/obs1/m0/0002.fits	6144	1387	1790000002579105347	65024:3366953	eb6277afac17f01e1198fd7d90dabf3f0fdf7fc03af81232fdc654283c310d1f
1	\\x6f6273312f6d302f303030342e66697473	3	data/obs1/m0/0004.fits	9216	2812	1790000004906242498	65024:3366955	2f3f05ec71dde5c7b3d05990fa4257d4c5315b8d6eb70c113595602d18b5bed9
1	\\x6f6273312f6d302f303030362e66697473	4	data/obs1/m0/0006.fits	13824	700	1790000006249002182	65024:3366957	8031e8ecc8e6e031046ebd69aa223ecd95c2afb642fff2d28eec2ea7cf2b80be
1	\\x6f6273312f6d312f303030312e66697473	5	data/obs1/m1/0001.fits	16384	4778	1790000001648726841	65024:3366952	05b3eb2353452d9a8ea758705ecff38624a72d1a3dc770bc1f80e14a0ce6e7ce
1	\\x6f6273312f6d312f303030332e66697473	6	data/obs1/m1/0003.fits	23040	1205	1790000003671918062	65024:3366954	31331ce2ecd18569e5ce60962feb6a67b4c048d114c880bc4e837183893b5673
1	\\x6f6273312f6d312f303030352e66697473	7	data/obs1/m1/0005.fits	26112	4351	1790000005468443692	65024:3366956	0fbbfb909b706c1c184465f055ca0b600f09baff4177ca9b62cc071393414e55
2	\\x6f6273322f6d302f303030302e66697473	8	data/obs2/m0/0000.fits	1536	4288	1790000000655284146	65024:3366986	12f40e657639cfbeece01e6f0eb59e2c3355426ad462d2e3377af0cf0e856241
2	\\x6f6273322f6d302f303030322e66697473	9	data/obs2/m0/0002.fits	7680	1265	1790000002001907739	65024:3366989	b6277073b395bcf0aebff25e958c6d192f092b6857f90090ed26e37770ce3a9a
2	\\x6f6273322f6d302f303030342e66697473	10	data/obs2/m0/0004.fits	10752	1665	1790000004368117347	65024:3366991	d6e533bebfa1ec01eb2a2810b80d728c4f908e3890e6b81a229312dab105a1bc
2	\\x6f6273322f6d312f303030312e66697473	11	data/obs2/m1/0001.fits	14336	2311	1790000001106194628	65024:3366988	1065b5be92379ff2e0d9174a2f44cb56e3a5e694531224e66492b40d4326a214
2	\\x6f6273322f6d312f303030332e66697473	12	data/obs2/m1/0003.fits	18432	1505	1790000003123921317	65024:3366990	396dee2cc7d9b7c94e6311c54f58393c6d971e20b6fafa34927822805a60cd94
2	\\x6f6273322f6d312f303030352e66697473	13	data/obs2/m1/0005.fits	21504	450	1790000005058216622	65024:3366992	ad9f77b18ab5e647963b6e86006f40daa1df9567b352f0dd1429b3b3d85518b5
\.


--
-- Data for Name: observation; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.observation (instrument, observation, finished_at) FROM stdin;
\.


--
-- Data for Name: observed_clock; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.observed_clock (one, observed, ticked, suspect, quiet) FROM stdin;
1	2026-11-21 16:49:37.31962+00	2026-11-21 16:49:37.613588+00	f	0
\.


--
-- Data for Name: open_move; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.open_move (package, stage, from_loc, to_loc, version, route, type, link, verdict, reason, text, since, class, priority, number, made_at, bytes, has_left, on_way, source_copy, target_copy, form, expect, send_site, receive_site, queued) FROM stdin;
01a1ff03-576d-798f-b6e6-d9a84fd96158	ship	ccat.buffer	cologne.buffer	10	raw	transfer	ccat>cologne	blocked	paused	link:ccat>cologne paused by unknown: works at the cable	2026-11-21 16:49:31.620091+00	0	0	2	2026-11-21 16:49:31.501683+00	31744	f	f	01a1ff03-5786-70cd-8ebb-a8805c474927		tar		ccat	cologne	f
01a1ff03-576d-798f-b6e6-d9a84fd96158	delete	ccat.primecam	ccat.primecam	10	raw	delete		waiting	require_archived	0 of 2 verified archive copies at distinct sites	2026-11-21 16:49:33.522386+00	0	0	2	2026-11-21 16:49:31.501683+00	11484	f	f	01a1ff03-576e-793c-843a-a6041e6292ee	01a1ff03-576e-793c-843a-a6041e6292ee	files	83a09bdeb0204c7a9f1e88bb0a6cbcfd077c13fad4ade5ab13fedd541afc878a	ccat	ccat	f
\.


--
-- Data for Name: opsdb; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.opsdb (one, epoch, made_at, revision, stages) FROM stdin;
1	3f4938a289b932ec	2026-11-21 16:49:14.117803+00	1	["raw/pack/ccat.primecam"]
\.


--
-- Data for Name: package; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.package (key, id, route, stage, number, name, dir, grp, source, destination, files, bytes, size, digest, manifest, instrument, observation, module, program, tags, observed_at, made_at, made_age, first_filed, quarantined, gone, missed) FROM stdin;
1	01a1ff03-35cb-754c-8479-a962f9119d16	raw	pack	1	raw-obs1---1-f9119d16	raw/obs1	01a1ff03-2dcc-74a2-9bc4-5d69dfeead0f	ccat.primecam	ccat.buffer	7	17797	40448	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	2c1b07a3b33c59aaf7e1d82e6621e7309b2d1053746e8a792e660f1f1f4ff3ab	primecam	obs1	-		null	2026-09-21 14:13:20.779407+00	2026-11-21 16:49:22.891496+00	2026-11-21 16:49:22.591404+00	2026-11-21 16:49:20.77614+00		7	0
2	01a1ff03-576d-798f-b6e6-d9a84fd96158	raw	pack	2	raw-obs2---2-4fd96158	raw/obs2	01a1ff03-4f6d-70ff-8d9b-3a0487175b24	ccat.primecam	ccat.buffer	6	11484	31744	83a09bdeb0204c7a9f1e88bb0a6cbcfd077c13fad4ade5ab13fedd541afc878a	b823e6b81f5fbfd2da60fa888ae5f57525a5525a6c6797f00a8bc2b444126ee8	primecam	obs2	-		null	2026-09-21 14:13:20.655284+00	2026-11-21 16:49:31.501683+00	2026-11-21 16:49:31.198718+00	2026-11-21 16:49:29.433181+00		0	0
\.


--
-- Data for Name: package_state; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.package_state (package, id, made_at, first_filed, version, evaluated, wake_at, urgent, revision, status, wanted, policies) FROM stdin;
2	01a1ff03-576d-798f-b6e6-d9a84fd96158	2026-11-21 16:49:31.501683+00	2026-11-21 16:49:29.433181+00	10	10	\N	f	1	blocked	["ccat.buffer","cologne.buffer","cologne.lta","cornell.buffer","cornell.lta"]	{"ccat.buffer":{"require":2,"fresh":10368000000000000,"grace":1000000000,"brake":{"Bytes":20000000000000,"Packages":2000}},"ccat.primecam":{"require":2,"fresh":10368000000000000,"grace":1000000000,"brake":{"Bytes":20000000000000,"Packages":2000}}}
1	01a1ff03-35cb-754c-8479-a962f9119d16	2026-11-21 16:49:22.891496+00	2026-11-21 16:49:20.77614+00	74	74	2027-02-19 16:49:23.841349+00	f	1	archived	["cologne.lta","cornell.lta"]	{}
\.


--
-- Data for Name: pause; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.pause (subject, who, why, since) FROM stdin;
link:ccat>cologne	unknown	works at the cable	2026-11-21 16:49:27.134301+00
link:ccat>cornell	unknown	works at the cable	2026-11-21 16:49:27.215701+00
\.


--
-- Data for Name: peer; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.peer (package, other) FROM stdin;
\.


--
-- Data for Name: pressure; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.pressure (location, pressing, age, package) FROM stdin;
\.


--
-- Data for Name: receipt; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.receipt (key, id, package, location, path, digest, size, at, worker, task, token, medium) FROM stdin;
1	01a1ff03-36b4-7f1f-8c9c-92ef5857768b	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	40448	2026-11-21 16:49:23.125116+00	vm:11190:8beea5bd	01a1ff03-365b-7eaa-9b4f-8fbffde49cdf	1	medium
2	01a1ff03-3797-780e-90f9-68be5681b630	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	40448	2026-11-21 16:49:23.35469+00	vm:11190:8beea5bd	01a1ff03-3721-71cf-9f1d-dcb25e6d4bf1	2	medium
3	01a1ff03-397e-78cb-8cb3-e62737b7fb07	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.lta	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	40448	2026-11-21 16:49:23.841349+00	vm:11190:8beea5bd	01a1ff03-38de-7e56-b67a-3da47b5b2ff7	1	medium
4	01a1ff03-39e8-72a1-8d1f-1b43b34689f2	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	40448	2026-11-21 16:49:23.948025+00	vm:11190:8beea5bd	01a1ff03-391d-736f-91e5-8d2fdde12376	2	medium
5	01a1ff03-3a69-7367-a009-09a73fe7fa56	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.lta	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	40448	2026-11-21 16:49:24.088753+00	vm:11190:8beea5bd	01a1ff03-3a59-7e1a-9439-ee6134917f88	1	medium
6	01a1ff03-57cc-72a1-becc-1bf38771677d	01a1ff03-576d-798f-b6e6-d9a84fd96158	ccat.buffer	\\x7261772f6f6273322f7261772d6f6273322d2d2d322d34666439363135382e746172	83a09bdeb0204c7a9f1e88bb0a6cbcfd077c13fad4ade5ab13fedd541afc878a	31744	2026-11-21 16:49:31.596356+00	vm:11190:8beea5bd	01a1ff03-5785-7e81-9262-50cd647f62d4	1	medium
\.


--
-- Data for Name: revision; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.revision (number, digest, text, who, why, at) FROM stdin;
1	e6a4757dba58151a0cc6d1e66e5ef300c493b449554711702ffd48be0d859259	{"/var/tmp/cdt-first/routes.yaml":"version: 1\\nsites:\\n  ccat:\\n    send_once: true\\n    locations:\\n      primecam: {type: source, disk: {path: /var/tmp/cdt-first/ccat/primecam}, final: {by: stable, after: 1s}}\\n      buffer:   {type: buffer, disk: {path: /var/tmp/cdt-first/ccat/buffer}}\\n  cologne:\\n    locations:\\n      buffer: {type: buffer, disk: {path: /var/tmp/cdt-first/cologne/buffer}}\\n      lta:    {type: long_term_archive, disk: {path: /var/tmp/cdt-first/cologne/lta}}\\n  cornell:\\n    locations:\\n      buffer: {type: buffer, disk: {path: /var/tmp/cdt-first/cornell/buffer}}\\n      lta:    {type: long_term_archive, disk: {path: /var/tmp/cdt-first/cornell/lta}}\\nlinks:\\n  - {from: ccat, to: cologne, transport: local, bandwidth: 1Gbit/s, at_once: 4}\\n  - {from: ccat, to: cornell, transport: local, bandwidth: 500Mbit/s, at_once: 4}\\n  - {from: cologne, to: cornell, transport: local, bandwidth: 10Gbit/s, at_once: 4}\\n  - {from: cornell, to: cologne, transport: local, bandwidth: 10Gbit/s, at_once: 4}\\nsets:\\n  landing:  [cologne.buffer, cornell.buffer]\\n  archives: [cologne.lta, cornell.lta]\\nroutes:\\n  raw:\\n    stages:\\n      pack:      {type: package, from: ccat.primecam, to: ccat.buffer, max_size: 2GB, close_when: group.idle \\u003e= seconds(2) || group.bytes \\u003e= MB(1)}\\n      ship:      {type: transfer, from: ccat.buffer, to: landing, choose: round_robin}\\n      replicate: {type: transfer, from: landing, to: landing}\\n      archive:   {type: archive, from: landing, to: archives}\\n      scrub:     {type: verify, at: archives, every: 90d}\\n    retention:\\n      require_archived: 2\\n      grace: 1s\\n      locations:\\n        ccat.primecam: {delete_when: age \\u003e= seconds(2)}\\n        ccat.buffer:   {delete_when: archived \\u003e= 2}\\n        landing:       {delete_when: archived_all(\\"archives\\")}\\n"}	unknown		2026-11-21 16:49:14.310583+00
\.


--
-- Data for Name: room; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.room (location) FROM stdin;
ccat.buffer
cologne.buffer
cologne.lta
cornell.buffer
cornell.lta
ccat.primecam
\.


--
-- Data for Name: route_number; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.route_number (route, last) FROM stdin;
raw	2
\.


--
-- Data for Name: segments; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.segments (package, digests) FROM stdin;
1	["6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff"]
2	["83a09bdeb0204c7a9f1e88bb0a6cbcfd077c13fad4ade5ab13fedd541afc878a"]
\.


--
-- Data for Name: site; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.site (name, title, state, seen_at, up, active) FROM stdin;
ccat		active	2026-11-21 16:49:29.393263+00	t	t
cologne		active	2026-11-21 16:49:29.393263+00	t	t
cornell		active	2026-11-21 16:49:29.393263+00	t	t
\.


--
-- Data for Name: skip; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.skip (location, path, reason, at) FROM stdin;
\.


--
-- Data for Name: slot; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.slot (name) FROM stdin;
site:ccat
link:ccat>cologne
link:cologne>cornell
site:cologne
site:cornell
\.


--
-- Data for Name: staging_request; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.staging_request (id, package, location, who, why, at, released_at) FROM stdin;
\.


--
-- Data for Name: tally; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.tally (kind, a, b, count, bytes) FROM stdin;
copy	cologne.buffer	deletion_scheduled	0	0
copy	cornell.buffer	deletion_scheduled	0	0
copy	ccat.primecam	present	1	11484
reserved	ccat.buffer		0	0
reserved	cologne.buffer		0	0
copy	cologne.buffer	expected	0	0
copy	ccat.buffer	present	1	31744
copy	ccat.buffer	deleted	1	40448
used	ccat.buffer		1	31744
copy	ccat.buffer	expected	0	0
copy	cologne.buffer	arrived	0	0
copy	cornell.buffer	deletion_in_progress	0	0
copy	cologne.buffer	deletion_in_progress	0	0
used	cologne.buffer		0	0
copy	cologne.lta	expected	0	0
reserved	cornell.buffer		0	0
task	completed		10	0
copy	cornell.buffer	expected	0	0
reserved	cologne.lta		0	0
used	cologne.lta		1	40448
used	cornell.buffer		0	0
task	scheduled		0	0
copy	cornell.buffer	arrived	0	0
copy	cologne.lta	present	1	40448
hop	cologne.buffer		0	0
backlog	cologne>cornell		0	0
task	in_progress		0	0
copy	cologne.buffer	deleted	1	40448
copy	cornell.buffer	deleted	1	40448
copy	cornell.lta	present	1	40448
copy	cornell.lta	expected	0	0
reserved	cornell.lta		0	0
used	cornell.lta		1	40448
package	blocked		1	0
package	moving		0	0
copy	cologne.buffer	present	0	0
copy	cornell.buffer	present	0	0
hop	cornell.buffer		0	0
copy	ccat.primecam	deletion_possible	0	0
package	archived		1	0
move	ready	ready	0	0
move	waiting	condemning	0	0
copy	cologne.buffer	deletion_possible	0	0
copy	cornell.buffer	deletion_possible	0	0
package	packing		0	0
hop	ccat.primecam		0	0
copy	ccat.buffer	deletion_possible	0	0
copy	ccat.buffer	deletion_scheduled	0	0
copy	ccat.buffer	deletion_in_progress	0	0
backlog	ccat>cologne		1	31744
move	waiting	grace	0	0
move	waiting	require_archived	1	0
copy	ccat.primecam	deletion_scheduled	0	0
hop	ccat.buffer		1	31744
move	blocked	paused	1	0
copy	ccat.primecam	deletion_in_progress	0	0
move	running	working	0	0
copy	ccat.primecam	deleted	1	17797
file	ccat.primecam	deleted	7	17797
file	ccat.primecam	present	11	26004
registered	ccat.primecam		18	43801
homeless	ccat.primecam		0	0
\.


--
-- Data for Name: tally_delta; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.tally_delta (kind, a, b, count, bytes) FROM stdin;
\.


--
-- Data for Name: task; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.task (id, route, stage, type, package, from_loc, to_loc, link, send_site, receive_site, piece, state, class, priority, bytes, revision, epoch, token, claim_by, lease_until, worker, phase, done, total, attempts, next_try, failure, subject, source_copy, target_copy, form, path, expect, confirmed, created_at, updated_at, ended_at) FROM stdin;
01a1ff03-365b-7eaa-9b4f-8fbffde49cdf	raw	pack	package	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam	ccat.buffer		ccat	ccat	whole	completed	fresh	0	109317	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-35d7-7010-97d7-d07e0c954267	01a1ff03-365c-7cb8-b324-03138f173e86	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172		0	2026-11-21 16:49:23.026163+00	2026-11-21 16:49:23.125116+00	2026-11-21 16:49:23.125116+00
01a1ff03-3721-71cf-9f1d-dcb25e6d4bf1	raw	ship	transfer	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer	cologne.buffer	ccat>cologne	ccat	cologne	receive	completed	fresh	0	40448	1	3f4938a289b932ec	2	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-365c-7cb8-b324-03138f173e86	01a1ff03-3721-7356-986a-36d107e32bfa	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172		0	2026-11-21 16:49:23.232462+00	2026-11-21 16:49:23.35469+00	2026-11-21 16:49:23.35469+00
01a1ff03-38de-7e56-b67a-3da47b5b2ff7	raw	archive	archive	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer	cologne.lta		cologne	cologne	whole	completed	fresh	0	40448	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-38f2-7f38-811f-0c329e663b2e	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172		0	2026-11-21 16:49:23.676723+00	2026-11-21 16:49:23.841349+00	2026-11-21 16:49:23.841349+00
01a1ff03-391d-736f-91e5-8d2fdde12376	raw	replicate	transfer	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer	cornell.buffer	cologne>cornell	cologne	cornell	receive	completed	fresh	0	40448	1	3f4938a289b932ec	2	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-391d-7677-8974-eaa36d84ee2e	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172		0	2026-11-21 16:49:23.676723+00	2026-11-21 16:49:23.948025+00	2026-11-21 16:49:23.948025+00
01a1ff03-3a59-7e1a-9439-ee6134917f88	raw	archive	archive	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer	cornell.lta		cornell	cornell	whole	completed	fresh	0	40448	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-3a5a-742c-9f1f-99637e6dbd4e	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172		0	2026-11-21 16:49:24.057166+00	2026-11-21 16:49:24.088753+00	2026-11-21 16:49:24.088753+00
01a1ff03-3f40-7a2a-8181-a57c09c6431c	raw	delete	delete	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.buffer	ccat.buffer		ccat	ccat	whole	completed	fresh	0	40448	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-365c-7cb8-b324-03138f173e86	01a1ff03-365c-7cb8-b324-03138f173e86	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	1	2026-11-21 16:49:25.310493+00	2026-11-21 16:49:25.539694+00	2026-11-21 16:49:25.539694+00
01a1ff03-5785-7e81-9262-50cd647f62d4	raw	pack	package	01a1ff03-576d-798f-b6e6-d9a84fd96158	ccat.primecam	ccat.buffer		ccat	ccat	whole	completed	fresh	0	99292	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-576e-793c-843a-a6041e6292ee	01a1ff03-5786-70cd-8ebb-a8805c474927	tar	\\x7261772f6f6273322f7261772d6f6273322d2d2d322d34666439363135382e746172		0	2026-11-21 16:49:31.52545+00	2026-11-21 16:49:31.596356+00	2026-11-21 16:49:31.596356+00
01a1ff03-3f44-705b-99a6-605ce7419647	raw	delete	delete	01a1ff03-35cb-754c-8479-a962f9119d16	cologne.buffer	cologne.buffer		cologne	cologne	whole	completed	fresh	0	40448	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-3721-7356-986a-36d107e32bfa	01a1ff03-3721-7356-986a-36d107e32bfa	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	1	2026-11-21 16:49:25.310493+00	2026-11-21 16:49:25.588446+00	2026-11-21 16:49:25.588446+00
01a1ff03-3f45-7c8e-adf0-fa24c73e2968	raw	delete	delete	01a1ff03-35cb-754c-8479-a962f9119d16	cornell.buffer	cornell.buffer		cornell	cornell	whole	completed	fresh	0	40448	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-391d-7677-8974-eaa36d84ee2e	01a1ff03-391d-7677-8974-eaa36d84ee2e	tar	\\x7261772f6f6273312f7261772d6f6273312d2d2d312d66393131396431362e746172	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	1	2026-11-21 16:49:25.310493+00	2026-11-21 16:49:25.590718+00	2026-11-21 16:49:25.590718+00
01a1ff03-42c2-7c15-bb67-46ef7aaa3651	raw	delete	delete	01a1ff03-35cb-754c-8479-a962f9119d16	ccat.primecam	ccat.primecam		ccat	ccat	whole	completed	fresh	0	17797	1	3f4938a289b932ec	1	120000000	\N	vm:11190:8beea5bd		0	0	0	\N	\N		01a1ff03-35d7-7010-97d7-d07e0c954267	01a1ff03-35d7-7010-97d7-d07e0c954267	files	\\x	6f13da883cdf5cca3329ba7b009f2cde33cadbf4776dd09f74a3e05c62a373ff	1	2026-11-21 16:49:26.206239+00	2026-11-21 16:49:26.395136+00	2026-11-21 16:49:26.395136+00
\.


--
-- Data for Name: task_slot; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.task_slot (task, slot) FROM stdin;
\.


--
-- Data for Name: waiting; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.waiting (cause, package) FROM stdin;
link:ccat>cologne	01a1ff03-576d-798f-b6e6-d9a84fd96158
link:cologne>cornell	01a1ff03-576d-798f-b6e6-d9a84fd96158
location:ccat.buffer	01a1ff03-576d-798f-b6e6-d9a84fd96158
location:cologne.buffer	01a1ff03-576d-798f-b6e6-d9a84fd96158
location:cologne.lta	01a1ff03-576d-798f-b6e6-d9a84fd96158
location:cornell.buffer	01a1ff03-576d-798f-b6e6-d9a84fd96158
location:cornell.lta	01a1ff03-576d-798f-b6e6-d9a84fd96158
pause:link:ccat>cologne	01a1ff03-576d-798f-b6e6-d9a84fd96158
pause:link:ccat>cornell	01a1ff03-576d-798f-b6e6-d9a84fd96158
refused:01a1ff03-576d-798f-b6e6-d9a84fd96158	01a1ff03-576d-798f-b6e6-d9a84fd96158
site:ccat	01a1ff03-576d-798f-b6e6-d9a84fd96158
site:cologne	01a1ff03-576d-798f-b6e6-d9a84fd96158
site:cornell	01a1ff03-576d-798f-b6e6-d9a84fd96158
\.


--
-- Data for Name: wakeup; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.wakeup (key, cause, most, what, package) FROM stdin;
\.


--
-- Data for Name: worker; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.worker (id, sites, version, seen_at, at_once, protocol) FROM stdin;
vm:11190:8beea5bd:engine	[]	0.1.0-dev	2026-11-21 16:49:29.385544+00	0	1
vm:11190:8beea5bd	["ccat","cologne","cornell"]	0.1.0-dev	2026-11-21 16:49:29.393263+00	16	1
\.


--
-- Data for Name: river_job; Type: TABLE DATA; Schema: river; Owner: -
--

COPY river.river_job (id, state, attempt, max_attempts, attempted_at, created_at, finalized_at, scheduled_at, priority, args, attempted_by, errors, kind, metadata, queue, tags, unique_key, unique_states) FROM stdin;
1	completed	1	1	2026-11-21 16:49:23.060299+00	2026-11-21 16:49:23.047207+00	2026-11-21 16:49:23.167603+00	2026-11-21 16:49:23.047207+00	1	{"task": "01a1ff03-365b-7eaa-9b4f-8fbffde49cdf"}	{vm:11190:8beea5bd}	\N	run_task	{}	ccat	{}	\N	\N
2	completed	1	1	2026-11-21 16:49:23.240211+00	2026-11-21 16:49:23.234261+00	2026-11-21 16:49:23.325964+00	2026-11-21 16:49:23.234261+00	1	{"task": "01a1ff03-3721-71cf-9f1d-dcb25e6d4bf1"}	{vm:11190:8beea5bd}	\N	run_task	{}	ccat	{}	\N	\N
3	completed	1	1	2026-11-21 16:49:23.327591+00	2026-11-21 16:49:23.303624+00	2026-11-21 16:49:23.41265+00	2026-11-21 16:49:23.303624+00	1	{"task": "01a1ff03-3721-71cf-9f1d-dcb25e6d4bf1"}	{vm:11190:8beea5bd}	\N	run_task	{}	cologne	{}	\N	\N
4	completed	1	1	2026-11-21 16:49:23.789206+00	2026-11-21 16:49:23.76802+00	2026-11-21 16:49:23.869034+00	2026-11-21 16:49:23.76802+00	1	{"task": "01a1ff03-38de-7e56-b67a-3da47b5b2ff7"}	{vm:11190:8beea5bd}	\N	run_task	{}	cologne	{}	\N	\N
5	completed	1	1	2026-11-21 16:49:23.789206+00	2026-11-21 16:49:23.76802+00	2026-11-21 16:49:23.858982+00	2026-11-21 16:49:23.76802+00	1	{"task": "01a1ff03-391d-736f-91e5-8d2fdde12376"}	{vm:11190:8beea5bd}	\N	run_task	{}	cologne	{}	\N	\N
6	completed	1	1	2026-11-21 16:49:23.852062+00	2026-11-21 16:49:23.846294+00	2026-11-21 16:49:24.010253+00	2026-11-21 16:49:23.846294+00	1	{"task": "01a1ff03-391d-736f-91e5-8d2fdde12376"}	{vm:11190:8beea5bd}	\N	run_task	{}	cornell	{}	\N	\N
7	completed	1	1	2026-11-21 16:49:24.06214+00	2026-11-21 16:49:24.060973+00	2026-11-21 16:49:24.137166+00	2026-11-21 16:49:24.060973+00	1	{"task": "01a1ff03-3a59-7e1a-9439-ee6134917f88"}	{vm:11190:8beea5bd}	\N	run_task	{}	cornell	{}	\N	\N
9	completed	1	1	2026-11-21 16:49:25.323225+00	2026-11-21 16:49:25.319176+00	2026-11-21 16:49:25.65867+00	2026-11-21 16:49:25.319176+00	1	{"task": "01a1ff03-3f44-705b-99a6-605ce7419647"}	{vm:11190:8beea5bd}	\N	run_task	{}	cologne	{}	\N	\N
8	completed	1	1	2026-11-21 16:49:25.323949+00	2026-11-21 16:49:25.319176+00	2026-11-21 16:49:25.57951+00	2026-11-21 16:49:25.319176+00	1	{"task": "01a1ff03-3f40-7a2a-8181-a57c09c6431c"}	{vm:11190:8beea5bd}	\N	run_task	{}	ccat	{}	\N	\N
10	completed	1	1	2026-11-21 16:49:25.326865+00	2026-11-21 16:49:25.319176+00	2026-11-21 16:49:25.665774+00	2026-11-21 16:49:25.319176+00	1	{"task": "01a1ff03-3f45-7c8e-adf0-fa24c73e2968"}	{vm:11190:8beea5bd}	\N	run_task	{}	cornell	{}	\N	\N
11	completed	1	1	2026-11-21 16:49:26.237799+00	2026-11-21 16:49:26.213787+00	2026-11-21 16:49:26.451195+00	2026-11-21 16:49:26.213787+00	1	{"task": "01a1ff03-42c2-7c15-bb67-46ef7aaa3651"}	{vm:11190:8beea5bd}	\N	run_task	{}	ccat	{}	\N	\N
12	completed	1	1	2026-11-21 16:49:31.535614+00	2026-11-21 16:49:31.532535+00	2026-11-21 16:49:31.611959+00	2026-11-21 16:49:31.532535+00	1	{"task": "01a1ff03-5785-7e81-9262-50cd647f62d4"}	{vm:11190:8beea5bd}	\N	run_task	{}	ccat	{}	\N	\N
\.


--
-- Data for Name: river_leader; Type: TABLE DATA; Schema: river; Owner: -
--

COPY river.river_leader (elected_at, expires_at, leader_id, name) FROM stdin;
2026-11-21 16:49:14.263477+00	2026-11-21 16:49:49.294188+00	vm:11190:8beea5bd	default
\.


--
-- Data for Name: river_migration; Type: TABLE DATA; Schema: river; Owner: -
--

COPY river.river_migration (line, version, created_at) FROM stdin;
main	1	2026-11-21 16:49:14.131219+00
main	2	2026-11-21 16:49:14.136611+00
main	3	2026-11-21 16:49:14.149926+00
main	4	2026-11-21 16:49:14.151285+00
main	5	2026-11-21 16:49:14.155634+00
main	6	2026-11-21 16:49:14.172184+00
main	7	2026-11-21 16:49:14.178809+00
main	8	2026-11-21 16:49:14.192413+00
\.


--
-- Data for Name: river_notification; Type: TABLE DATA; Schema: river; Owner: -
--

COPY river.river_notification (id, created_at, payload, topic) FROM stdin;
\.


--
-- Data for Name: river_queue; Type: TABLE DATA; Schema: river; Owner: -
--

COPY river.river_queue (name, created_at, metadata, paused_at, updated_at) FROM stdin;
cdt-no-jobs	2026-11-21 16:49:14.239844+00	{}	\N	2026-11-21 16:49:14.253323+00
ccat	2026-11-21 16:49:14.386868+00	{}	\N	2026-11-21 16:49:14.386868+00
cologne	2026-11-21 16:49:14.39076+00	{}	\N	2026-11-21 16:49:14.39076+00
cornell	2026-11-21 16:49:14.413779+00	{}	\N	2026-11-21 16:49:14.413779+00
\.


--
-- Name: cdt_schema_version_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.cdt_schema_version_id_seq', 4, true);


--
-- Name: event_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.event_key_seq', 59, true);


--
-- Name: file_group_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.file_group_key_seq', 3, true);


--
-- Name: file_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.file_key_seq', 18, true);


--
-- Name: package_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.package_key_seq', 2, true);


--
-- Name: receipt_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.receipt_key_seq', 6, true);


--
-- Name: wakeup_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.wakeup_key_seq', 1, false);


--
-- Name: river_job_id_seq; Type: SEQUENCE SET; Schema: river; Owner: -
--

SELECT pg_catalog.setval('river.river_job_id_seq', 12, true);


--
-- Name: river_notification_id_seq; Type: SEQUENCE SET; Schema: river; Owner: -
--

SELECT pg_catalog.setval('river.river_notification_id_seq', 1, false);


--
-- Name: brake brake_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.brake
    ADD CONSTRAINT brake_pkey PRIMARY KEY (location, minute);


--
-- Name: cdt_schema_version cdt_schema_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.cdt_schema_version
    ADD CONSTRAINT cdt_schema_version_pkey PRIMARY KEY (id);


--
-- Name: chain_head chain_head_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.chain_head
    ADD CONSTRAINT chain_head_pkey PRIMARY KEY (one);


--
-- Name: copy copy_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.copy
    ADD CONSTRAINT copy_pkey PRIMARY KEY (id);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (key);


--
-- Name: file_group file_group_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.file_group
    ADD CONSTRAINT file_group_id_key UNIQUE (id);


--
-- Name: file_group file_group_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.file_group
    ADD CONSTRAINT file_group_pkey PRIMARY KEY (key);


--
-- Name: file file_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_id_key UNIQUE (id);


--
-- Name: file file_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (key);


--
-- Name: group_file group_file_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.group_file
    ADD CONSTRAINT group_file_pkey PRIMARY KEY (grp, file);


--
-- Name: hold hold_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_pkey PRIMARY KEY (id);


--
-- Name: hop hop_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hop
    ADD CONSTRAINT hop_pkey PRIMARY KEY (package, location);


--
-- Name: link link_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.link
    ADD CONSTRAINT link_pkey PRIMARY KEY (name);


--
-- Name: location location_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.location
    ADD CONSTRAINT location_pkey PRIMARY KEY (name);


--
-- Name: member member_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (package, path);


--
-- Name: observation observation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.observation
    ADD CONSTRAINT observation_pkey PRIMARY KEY (observation, instrument);


--
-- Name: observed_clock observed_clock_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.observed_clock
    ADD CONSTRAINT observed_clock_pkey PRIMARY KEY (one);


--
-- Name: open_move open_move_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.open_move
    ADD CONSTRAINT open_move_pkey PRIMARY KEY (package, stage, from_loc, to_loc);


--
-- Name: opsdb opsdb_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.opsdb
    ADD CONSTRAINT opsdb_pkey PRIMARY KEY (one);


--
-- Name: package package_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.package
    ADD CONSTRAINT package_id_key UNIQUE (id);


--
-- Name: package package_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.package
    ADD CONSTRAINT package_pkey PRIMARY KEY (key);


--
-- Name: package package_route_number_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.package
    ADD CONSTRAINT package_route_number_key UNIQUE (route, number);


--
-- Name: package_state package_state_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.package_state
    ADD CONSTRAINT package_state_id_key UNIQUE (id);


--
-- Name: package_state package_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.package_state
    ADD CONSTRAINT package_state_pkey PRIMARY KEY (package);


--
-- Name: pause pause_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pause
    ADD CONSTRAINT pause_pkey PRIMARY KEY (subject);


--
-- Name: peer peer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.peer
    ADD CONSTRAINT peer_pkey PRIMARY KEY (package, other);


--
-- Name: pressure pressure_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pressure
    ADD CONSTRAINT pressure_pkey PRIMARY KEY (location);


--
-- Name: receipt receipt_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.receipt
    ADD CONSTRAINT receipt_id_key UNIQUE (id);


--
-- Name: receipt receipt_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.receipt
    ADD CONSTRAINT receipt_pkey PRIMARY KEY (key);


--
-- Name: revision revision_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revision
    ADD CONSTRAINT revision_pkey PRIMARY KEY (number);


--
-- Name: room room_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.room
    ADD CONSTRAINT room_pkey PRIMARY KEY (location);


--
-- Name: route_number route_number_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.route_number
    ADD CONSTRAINT route_number_pkey PRIMARY KEY (route);


--
-- Name: segments segments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_pkey PRIMARY KEY (package);


--
-- Name: site site_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.site
    ADD CONSTRAINT site_pkey PRIMARY KEY (name);


--
-- Name: skip skip_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.skip
    ADD CONSTRAINT skip_pkey PRIMARY KEY (location, path);


--
-- Name: slot slot_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.slot
    ADD CONSTRAINT slot_pkey PRIMARY KEY (name);


--
-- Name: staging_request staging_request_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.staging_request
    ADD CONSTRAINT staging_request_pkey PRIMARY KEY (id);


--
-- Name: tally tally_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tally
    ADD CONSTRAINT tally_pkey PRIMARY KEY (kind, a, b);


--
-- Name: task task_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (id);


--
-- Name: task_slot task_slot_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.task_slot
    ADD CONSTRAINT task_slot_pkey PRIMARY KEY (slot, task);


--
-- Name: waiting waiting_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waiting
    ADD CONSTRAINT waiting_pkey PRIMARY KEY (cause, package);


--
-- Name: wakeup wakeup_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.wakeup
    ADD CONSTRAINT wakeup_pkey PRIMARY KEY (key);


--
-- Name: worker worker_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);


--
-- Name: river_job river_job_pkey; Type: CONSTRAINT; Schema: river; Owner: -
--

ALTER TABLE ONLY river.river_job
    ADD CONSTRAINT river_job_pkey PRIMARY KEY (id);


--
-- Name: river_leader river_leader_pkey; Type: CONSTRAINT; Schema: river; Owner: -
--

ALTER TABLE ONLY river.river_leader
    ADD CONSTRAINT river_leader_pkey PRIMARY KEY (name);


--
-- Name: river_migration river_migration_pkey1; Type: CONSTRAINT; Schema: river; Owner: -
--

ALTER TABLE ONLY river.river_migration
    ADD CONSTRAINT river_migration_pkey1 PRIMARY KEY (line, version);


--
-- Name: river_notification river_notification_pkey; Type: CONSTRAINT; Schema: river; Owner: -
--

ALTER TABLE ONLY river.river_notification
    ADD CONSTRAINT river_notification_pkey PRIMARY KEY (id);


--
-- Name: river_queue river_queue_pkey; Type: CONSTRAINT; Schema: river; Owner: -
--

ALTER TABLE ONLY river.river_queue
    ADD CONSTRAINT river_queue_pkey PRIMARY KEY (name);


--
-- Name: copy_live; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX copy_live ON public.copy USING btree (package, location) WHERE (state <> ALL (ARRAY['deleted'::text, 'quarantined'::text, 'lost'::text]));


--
-- Name: copy_location; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX copy_location ON public.copy USING btree (location, package) WHERE (state <> 'deleted'::text);


--
-- Name: copy_oldest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX copy_oldest ON public.copy USING btree (location, verified_age, package) WHERE (state = ANY (ARRAY['present'::text, 'staged'::text]));


--
-- Name: copy_package; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX copy_package ON public.copy USING btree (package);


--
-- Name: event_package; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_package ON public.event USING btree (package, key) WHERE (package <> ''::text);


--
-- Name: event_seq; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX event_seq ON public.event USING btree (seq) WHERE (seq IS NOT NULL);


--
-- Name: event_tail; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX event_tail ON public.event USING btree (key) WHERE (seq IS NULL);


--
-- Name: file_gone; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX file_gone ON public.file USING btree (location, path, key) WHERE (state = ANY (ARRAY['deleted'::text, 'lost'::text]));


--
-- Name: file_homeless; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX file_homeless ON public.file USING btree (id) WHERE ((homes = 0) AND (state = 'present'::text));


--
-- Name: file_path; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX file_path ON public.file USING btree (location, path) WHERE (state <> ALL (ARRAY['deleted'::text, 'lost'::text]));


--
-- Name: file_rerouted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX file_rerouted ON public.file USING btree (key) WHERE ((NOT routed) AND (state = 'present'::text) AND (homes > 0));


--
-- Name: file_unrouted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX file_unrouted ON public.file USING btree (filed_at, key) WHERE ((NOT routed) AND (state = 'present'::text));


--
-- Name: group_dirty; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_dirty ON public.file_group USING btree (key) WHERE ((NOT closed) AND (version > evaluated));


--
-- Name: group_file_file; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_file_file ON public.group_file USING btree (file);


--
-- Name: group_location; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_location ON public.file_group USING btree (location, route, stage) WHERE (NOT closed);


--
-- Name: group_observation; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_observation ON public.file_group USING btree (observation) WHERE (NOT closed);


--
-- Name: group_oldest; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_oldest ON public.file_group USING btree (first_filed) WHERE ((NOT closed) AND (files > 0));


--
-- Name: group_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX group_open ON public.file_group USING btree (route, stage, location, group_key) WHERE (NOT closed);


--
-- Name: group_wake; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX group_wake ON public.file_group USING btree (wake_at) WHERE ((NOT closed) AND (wake_at IS NOT NULL));


--
-- Name: hold_package; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX hold_package ON public.hold USING btree (package);


--
-- Name: link_down_until; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX link_down_until ON public.link USING btree (down_until) WHERE (down_until IS NOT NULL);


--
-- Name: location_down_until; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX location_down_until ON public.location USING btree (down_until) WHERE (down_until IS NOT NULL);


--
-- Name: member_file; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX member_file ON public.member USING btree (file, package);


--
-- Name: move_from; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX move_from ON public.open_move USING btree (from_loc, package);


--
-- Name: move_lane; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX move_lane ON public.open_move USING btree (route, stage, to_loc, link, class, priority DESC, made_at, number, package) WHERE queued;


--
-- Name: move_left; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX move_left ON public.open_move USING btree (to_loc, number, package) WHERE (queued AND has_left);


--
-- Name: move_link; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX move_link ON public.open_move USING btree (link, package) WHERE (link <> ''::text);


--
-- Name: move_queue; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX move_queue ON public.open_move USING btree (class, priority DESC, made_at, number, package) WHERE queued;


--
-- Name: move_to; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX move_to ON public.open_move USING btree (to_loc, package);


--
-- Name: package_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX package_name ON public.package USING btree (name);


--
-- Name: package_quarantined; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX package_quarantined ON public.package USING btree (id) WHERE (quarantined <> ''::text);


--
-- Name: package_source; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX package_source ON public.package USING btree (source, route, stage);


--
-- Name: package_tail; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX package_tail ON public.package USING btree (reverse(id));


--
-- Name: receipt_copy; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX receipt_copy ON public.receipt USING btree (package, location, path, key);


--
-- Name: request_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX request_open ON public.staging_request USING btree (package, location) WHERE (released_at IS NULL);


--
-- Name: request_package; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX request_package ON public.staging_request USING btree (package);


--
-- Name: state_dirty; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX state_dirty ON public.package_state USING btree (urgent DESC, made_at, package) WHERE (version > evaluated);


--
-- Name: state_pending; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX state_pending ON public.package_state USING btree (first_filed) WHERE (status <> 'archived'::text);


--
-- Name: state_revision; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX state_revision ON public.package_state USING btree (revision, package);


--
-- Name: state_wake; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX state_wake ON public.package_state USING btree (wake_at) WHERE (wake_at IS NOT NULL);


--
-- Name: task_lease; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_lease ON public.task USING btree (lease_until) WHERE (state = ANY (ARRAY['scheduled'::text, 'in_progress'::text]));


--
-- Name: task_open; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX task_open ON public.task USING btree (package, to_loc) WHERE (state = ANY (ARRAY['pending'::text, 'scheduled'::text, 'in_progress'::text]));


--
-- Name: task_package; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_package ON public.task USING btree (package, id);


--
-- Name: task_places; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_places ON public.task USING btree (from_loc, to_loc) WHERE (state = ANY (ARRAY['pending'::text, 'scheduled'::text, 'in_progress'::text]));


--
-- Name: task_retry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_retry ON public.task USING btree (next_try) WHERE ((state = 'pending'::text) AND (next_try IS NOT NULL));


--
-- Name: task_scheduled; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_scheduled ON public.task USING btree (id) WHERE (state = 'scheduled'::text);


--
-- Name: task_shown; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_shown ON public.task USING btree (package) WHERE (state = ANY (ARRAY['pending'::text, 'scheduled'::text, 'in_progress'::text, 'failed'::text]));


--
-- Name: task_slot_task; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_slot_task ON public.task_slot USING btree (task);


--
-- Name: task_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_state ON public.task USING btree (state, id);


--
-- Name: task_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_subject ON public.task USING btree (subject) WHERE ((state = 'pending'::text) AND (subject <> ''::text));


--
-- Name: task_tail; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX task_tail ON public.task USING btree (reverse(id));


--
-- Name: waiting_package; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waiting_package ON public.waiting USING btree (package);


--
-- Name: river_job_args_index; Type: INDEX; Schema: river; Owner: -
--

CREATE INDEX river_job_args_index ON river.river_job USING gin (args);


--
-- Name: river_job_kind; Type: INDEX; Schema: river; Owner: -
--

CREATE INDEX river_job_kind ON river.river_job USING btree (kind);


--
-- Name: river_job_metadata_index; Type: INDEX; Schema: river; Owner: -
--

CREATE INDEX river_job_metadata_index ON river.river_job USING gin (metadata);


--
-- Name: river_job_prioritized_fetching_index; Type: INDEX; Schema: river; Owner: -
--

CREATE INDEX river_job_prioritized_fetching_index ON river.river_job USING btree (state, queue, priority, scheduled_at, id);


--
-- Name: river_job_state_and_finalized_at_index; Type: INDEX; Schema: river; Owner: -
--

CREATE INDEX river_job_state_and_finalized_at_index ON river.river_job USING btree (state, finalized_at) WHERE (finalized_at IS NOT NULL);


--
-- Name: river_job_unique_idx; Type: INDEX; Schema: river; Owner: -
--

CREATE UNIQUE INDEX river_job_unique_idx ON river.river_job USING btree (unique_key) WHERE ((unique_key IS NOT NULL) AND (unique_states IS NOT NULL) AND river.river_job_state_in_bitmask(unique_states, state));


--
-- Name: river_notification_created_at_idx; Type: INDEX; Schema: river; Owner: -
--

CREATE INDEX river_notification_created_at_idx ON river.river_notification USING btree (created_at);


--
-- Name: river_notification_topic_id_idx; Type: INDEX; Schema: river; Owner: -
--

CREATE INDEX river_notification_topic_id_idx ON river.river_notification USING btree (topic, id);


--
-- Name: copy copy_guard; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER copy_guard BEFORE UPDATE ON public.copy FOR EACH ROW WHEN (((NOT has_table_privilege('task'::text, 'INSERT'::text)) AND (NOT public.copy_change(old.*, new.*, has_column_privilege('task'::text, 'token'::text, 'UPDATE'::text))))) EXECUTE FUNCTION public.not_yours();


--
-- Name: copy copy_in; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER copy_in AFTER INSERT ON public.copy REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.copy_tally();


--
-- Name: copy copy_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER copy_kept BEFORE DELETE ON public.copy FOR EACH ROW WHEN ((old.state <> 'expected'::text)) EXECUTE FUNCTION public.not_yours();


--
-- Name: copy copy_moved; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER copy_moved AFTER UPDATE ON public.copy REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.copy_tally();


--
-- Name: copy copy_out; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER copy_out AFTER DELETE ON public.copy REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.copy_tally();


--
-- Name: event event_frozen; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER event_frozen BEFORE UPDATE ON public.event FOR EACH ROW WHEN (((old.seq IS NOT NULL) OR (((((((((((((old.key IS DISTINCT FROM new.key) OR (old.id IS DISTINCT FROM new.id)) OR (old.version IS DISTINCT FROM new.version)) OR (old.at IS DISTINCT FROM new.at)) OR (old.actor IS DISTINCT FROM new.actor)) OR (old.kind IS DISTINCT FROM new.kind)) OR (old.subject IS DISTINCT FROM new.subject)) OR (old.package IS DISTINCT FROM new.package)) OR (old.location IS DISTINCT FROM new.location)) OR (old.why IS DISTINCT FROM new.why)) OR (old.revision IS DISTINCT FROM new.revision)) OR (old.before IS DISTINCT FROM new.before)) OR (old.after IS DISTINCT FROM new.after)))) EXECUTE FUNCTION public.append_only();


--
-- Name: event event_guard; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER event_guard BEFORE INSERT ON public.event FOR EACH ROW WHEN (((NOT has_table_privilege('task'::text, 'INSERT'::text)) AND has_column_privilege('task'::text, 'token'::text, 'UPDATE'::text) AND starts_with(new.actor, 'person:'::text))) EXECUTE FUNCTION public.not_yours();


--
-- Name: event event_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER event_kept BEFORE DELETE OR TRUNCATE ON public.event FOR EACH STATEMENT EXECUTE FUNCTION public.append_only();


--
-- Name: file file_guard; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER file_guard BEFORE UPDATE ON public.file FOR EACH ROW WHEN (((NOT has_table_privilege('task'::text, 'INSERT'::text)) AND (old.state <> new.state) AND
        CASE
            WHEN has_column_privilege('task'::text, 'token'::text, 'UPDATE'::text) THEN (new.state <> ALL (ARRAY['deleted'::text, 'lost'::text]))
            ELSE (new.state <> ALL (ARRAY['deleted'::text, 'lost'::text, 'present'::text]))
        END)) EXECUTE FUNCTION public.not_yours();


--
-- Name: file file_in; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER file_in AFTER INSERT ON public.file REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.file_tally();


--
-- Name: file file_moved; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER file_moved AFTER UPDATE ON public.file REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.file_tally();


--
-- Name: hop hop_in; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hop_in AFTER INSERT ON public.hop REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.hop_tally();


--
-- Name: hop hop_out; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER hop_out AFTER DELETE ON public.hop REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.hop_tally();


--
-- Name: member member_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER member_changed AFTER UPDATE ON public.member REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.members_frozen();


--
-- Name: member member_gone; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER member_gone AFTER DELETE ON public.member REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.members_frozen();


--
-- Name: open_move move_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER move_changed AFTER UPDATE ON public.open_move REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.move_tally();


--
-- Name: open_move move_in; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER move_in AFTER INSERT ON public.open_move REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.move_tally();


--
-- Name: open_move move_out; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER move_out AFTER DELETE ON public.open_move REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.move_tally();


--
-- Name: package package_born; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER package_born BEFORE UPDATE ON public.package FOR EACH ROW WHEN (((old.digest <> ''::text) AND ((old.digest <> new.digest) OR (old.size <> new.size) OR (old.manifest <> new.manifest)))) EXECUTE FUNCTION public.born_once();


--
-- Name: package package_guard; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER package_guard BEFORE UPDATE ON public.package FOR EACH ROW WHEN (((NOT has_table_privilege('task'::text, 'INSERT'::text)) AND (((old.digest <> ''::text) AND ((old.files <> new.files) OR (old.bytes <> new.bytes))) OR ((old.quarantined <> ''::text) AND (old.quarantined <> new.quarantined))))) EXECUTE FUNCTION public.not_yours();


--
-- Name: receipt receipt_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER receipt_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.receipt FOR EACH STATEMENT EXECUTE FUNCTION public.append_only();


--
-- Name: revision revision_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER revision_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.revision FOR EACH STATEMENT EXECUTE FUNCTION public.append_only();


--
-- Name: package_state state_guard; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER state_guard BEFORE UPDATE ON public.package_state FOR EACH ROW WHEN (((NOT has_table_privilege('task'::text, 'INSERT'::text)) AND ((new.version < old.version) OR (old.urgent AND (NOT new.urgent))))) EXECUTE FUNCTION public.not_yours();


--
-- Name: package_state state_in; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER state_in AFTER INSERT ON public.package_state REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.state_tally();


--
-- Name: package_state state_moved; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER state_moved AFTER UPDATE ON public.package_state REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.state_tally();


--
-- Name: task task_guard; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER task_guard BEFORE UPDATE ON public.task FOR EACH ROW WHEN (((NOT has_table_privilege('task'::text, 'INSERT'::text)) AND (NOT public.task_change(old.*, new.*, has_column_privilege('task'::text, 'token'::text, 'UPDATE'::text))))) EXECUTE FUNCTION public.not_yours();


--
-- Name: task task_in; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER task_in AFTER INSERT ON public.task REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.task_tally();


--
-- Name: task task_moved; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER task_moved AFTER UPDATE ON public.task REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.task_tally();


--
-- Name: copy copy_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.copy
    ADD CONSTRAINT copy_package_fkey FOREIGN KEY (package) REFERENCES public.package(id);


--
-- Name: copy copy_receipt_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.copy
    ADD CONSTRAINT copy_receipt_fkey FOREIGN KEY (receipt) REFERENCES public.receipt(key);


--
-- Name: hold hold_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.hold
    ADD CONSTRAINT hold_package_fkey FOREIGN KEY (package) REFERENCES public.package(id);


--
-- Name: member member_file_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_file_fkey FOREIGN KEY (file) REFERENCES public.file(key);


--
-- Name: member member_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_package_fkey FOREIGN KEY (package) REFERENCES public.package(key);


--
-- Name: package_state package_state_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.package_state
    ADD CONSTRAINT package_state_package_fkey FOREIGN KEY (package) REFERENCES public.package(key);


--
-- Name: peer peer_other_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.peer
    ADD CONSTRAINT peer_other_fkey FOREIGN KEY (other) REFERENCES public.package(key);


--
-- Name: peer peer_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.peer
    ADD CONSTRAINT peer_package_fkey FOREIGN KEY (package) REFERENCES public.package(key);


--
-- Name: receipt receipt_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.receipt
    ADD CONSTRAINT receipt_package_fkey FOREIGN KEY (package) REFERENCES public.package(id);


--
-- Name: segments segments_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.segments
    ADD CONSTRAINT segments_package_fkey FOREIGN KEY (package) REFERENCES public.package(key);


--
-- Name: staging_request staging_request_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.staging_request
    ADD CONSTRAINT staging_request_package_fkey FOREIGN KEY (package) REFERENCES public.package(id);


--
-- Name: task task_package_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.task
    ADD CONSTRAINT task_package_fkey FOREIGN KEY (package) REFERENCES public.package(id);


--
-- PostgreSQL database dump complete
--

\unrestrict HPaVVRxPwZ9bPinKC08X8LY6temewqlclU0zuwQSL0CwKcZsOgTPRdYe2qUiSCV

