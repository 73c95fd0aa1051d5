-- +goose Up

-- Times are of the store's clock (observed times of the observed clock),
-- modification times unix nanoseconds, durations microseconds, digests text,
-- paths bytes. Text that is no valid UTF-8 is kept escaped (see value.go).

CREATE TABLE opsdb (
  one      integer PRIMARY KEY CHECK (one = 1),
  epoch    text   NOT NULL,
  made_at  timestamptz NOT NULL,
  revision bigint NOT NULL DEFAULT 0,  -- the active one; dispatching and condemning hold a share of this row
  stages   text   NOT NULL DEFAULT ''  -- package stages of the active revision
);

CREATE TABLE observed_clock (
  one      integer PRIMARY KEY CHECK (one = 1),
  observed timestamptz NOT NULL,
  ticked   timestamptz NOT NULL,          -- store time of the last tick
  suspect  boolean NOT NULL DEFAULT false,
  quiet    bigint  NOT NULL DEFAULT 0     -- microseconds of agreement since it became suspect
);

CREATE TABLE chain_head (
  one  integer PRIMARY KEY CHECK (one = 1),
  seq  bigint NOT NULL DEFAULT 0,
  hash text   NOT NULL DEFAULT ''
);

CREATE TABLE revision (
  number bigint PRIMARY KEY,
  digest text NOT NULL,
  text   text NOT NULL,
  who    text NOT NULL,
  why    text NOT NULL,
  at     timestamptz NOT NULL
);

CREATE TABLE site (
  name    text COLLATE "C" PRIMARY KEY,
  title   text NOT NULL,
  state   text NOT NULL,
  seen_at timestamptz NOT NULL,             -- a worker renewed its row, or the site was first mirrored
  up      boolean NOT NULL DEFAULT false,   -- it had a worker when last looked at
  active  boolean NOT NULL
);

CREATE TABLE location (
  name        text COLLATE "C" PRIMARY KEY,
  type        text NOT NULL,
  storage     text NOT NULL,
  marker      text NOT NULL DEFAULT '',
  capacity    bigint NOT NULL DEFAULT 0,
  free        bigint NOT NULL DEFAULT -1,
  total       bigint NOT NULL DEFAULT 0,
  down_reason text,
  down_text   text,
  down_since  timestamptz,
  down_until  timestamptz,                  -- of a breaker: its next probe
  failures     integer NOT NULL DEFAULT 0,  -- environment failures in a row
  failed_at    timestamptz,                 -- the last of them
  succeeded_at timestamptz,                 -- the first success after a failure
  blamed       text   NOT NULL DEFAULT '',  -- package that failed last
  pause        bigint NOT NULL DEFAULT 0,   -- microseconds before the next probe; 0: not open by failures
  probe        text   NOT NULL DEFAULT '',  -- package let through while half open
  active      boolean NOT NULL
);
CREATE INDEX location_down_until ON location (down_until) WHERE down_until IS NOT NULL;

CREATE TABLE link (
  name        text COLLATE "C" PRIMARY KEY,
  from_site   text NOT NULL,
  to_site     text NOT NULL,
  down_reason text,
  down_text   text,
  down_since  timestamptz,
  down_until  timestamptz,
  failures     integer NOT NULL DEFAULT 0,
  failed_at    timestamptz,
  succeeded_at timestamptz,
  blamed       text   NOT NULL DEFAULT '',
  pause        bigint NOT NULL DEFAULT 0,
  probe        text   NOT NULL DEFAULT '',
  active      boolean NOT NULL
);

-- Pressure: while it presses, copies up to (age, package) go early, the oldest
-- first; they stay condemned until enough is gone.
CREATE TABLE pressure (
  location text COLLATE "C" PRIMARY KEY,
  pressing boolean NOT NULL,
  age      timestamptz NOT NULL,            -- observed time
  package  text COLLATE "C" NOT NULL
);
CREATE INDEX link_down_until ON link (down_until) WHERE down_until IS NOT NULL;

-- What is counted: sums in tally, and what has changed since they were last
-- folded in tally_delta. Nobody waits for a counter, because nobody updates one.
CREATE TABLE tally (
  kind  text COLLATE "C" NOT NULL,
  a     text COLLATE "C" NOT NULL,
  b     text COLLATE "C" NOT NULL DEFAULT '',
  count bigint NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (kind, a, b)
);
CREATE TABLE tally_delta (
  kind  text COLLATE "C" NOT NULL,
  a     text COLLATE "C" NOT NULL,
  b     text COLLATE "C" NOT NULL DEFAULT '',
  count bigint NOT NULL,
  bytes bigint NOT NULL
);
CREATE VIEW tally_now AS
  SELECT kind, a, b, sum(count)::bigint AS count, sum(bytes)::bigint AS bytes
  FROM (SELECT kind, a, b, count, bytes FROM tally UNION ALL SELECT kind, a, b, count, bytes FROM tally_delta) x
  GROUP BY kind, a, b;

-- Who gives out slots of a name or room of a place holds its row, so that two
-- engines cannot both give the last. What is taken is counted: slots in
-- task_slot, room in tally.
CREATE TABLE slot (name text COLLATE "C" PRIMARY KEY);
CREATE TABLE room (location text COLLATE "C" PRIMARY KEY);

CREATE TABLE worker (
  id      text COLLATE "C" PRIMARY KEY,
  sites   text NOT NULL,
  version text NOT NULL,
  seen_at timestamptz NOT NULL,
  at_once integer NOT NULL DEFAULT 0,       -- tasks it takes in hand at once; 0: it does not say
  protocol integer NOT NULL DEFAULT 0       -- it speaks; 0: it does not say
);

CREATE TABLE pause (
  subject text COLLATE "C" PRIMARY KEY,
  who     text NOT NULL,
  why     text NOT NULL,
  since   timestamptz NOT NULL
);

CREATE TABLE observation (
  instrument  text COLLATE "C" NOT NULL,
  observation text COLLATE "C" NOT NULL,
  finished_at timestamptz NOT NULL,
  PRIMARY KEY (observation, instrument)
);

CREATE TABLE file (
  key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id          text COLLATE "C" NOT NULL UNIQUE,
  location    text COLLATE "C" NOT NULL,
  path        bytea  NOT NULL,
  size        bigint NOT NULL,
  mod_time    bigint NOT NULL,              -- nanoseconds
  identity    text   NOT NULL,
  digest      text   NOT NULL,
  instrument  text   NOT NULL,
  observation text   NOT NULL,
  module      text   NOT NULL,
  program     text   NOT NULL,
  tags        text   NOT NULL,
  state       text   NOT NULL,
  filed_at    timestamptz NOT NULL,
  version     bigint NOT NULL DEFAULT 1,
  routed      boolean NOT NULL DEFAULT false, -- looked at under the active package stages
  homes       integer NOT NULL DEFAULT 0,     -- open groups and packages it is in
  conflict    text   NOT NULL DEFAULT ''      -- the other content last refused
);
CREATE UNIQUE INDEX file_path ON file (location, path) WHERE state NOT IN ('deleted', 'lost');
CREATE INDEX file_gone ON file (location, path, key) WHERE state IN ('deleted', 'lost');
CREATE INDEX file_unrouted ON file (filed_at, key) WHERE NOT routed AND state = 'present';
CREATE INDEX file_rerouted ON file (key) WHERE NOT routed AND state = 'present' AND homes > 0;
CREATE INDEX file_homeless ON file (id) WHERE homes = 0 AND state = 'present';

CREATE TABLE skip (
  location text COLLATE "C" NOT NULL,
  path     bytea NOT NULL,
  reason   text NOT NULL,
  at       timestamptz NOT NULL,
  PRIMARY KEY (location, path)
);

CREATE TABLE file_group (
  key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id          text COLLATE "C" NOT NULL UNIQUE,
  route       text COLLATE "C" NOT NULL,
  stage       text COLLATE "C" NOT NULL,
  location    text COLLATE "C" NOT NULL,
  group_key   text COLLATE "C" NOT NULL,
  instrument  text NOT NULL,
  observation text COLLATE "C" NOT NULL,
  module      text NOT NULL,
  program     text NOT NULL,
  tags        text NOT NULL,
  files       integer NOT NULL DEFAULT 0,
  bytes       bigint NOT NULL DEFAULT 0,
  first       timestamptz,
  last        timestamptz,
  first_filed timestamptz,
  finished    boolean NOT NULL DEFAULT false,
  closed      boolean NOT NULL DEFAULT false,
  version     bigint NOT NULL DEFAULT 1,
  evaluated   bigint NOT NULL DEFAULT 0,
  wake_at     timestamptz,
  reason      text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX group_open ON file_group (route, stage, location, group_key) WHERE NOT closed;
CREATE INDEX group_dirty ON file_group (key) WHERE NOT closed AND version > evaluated;
CREATE INDEX group_wake ON file_group (wake_at) WHERE NOT closed AND wake_at IS NOT NULL;
CREATE INDEX group_observation ON file_group (observation) WHERE NOT closed;
CREATE INDEX group_location ON file_group (location, route, stage) WHERE NOT closed;
CREATE INDEX group_oldest ON file_group (first_filed) WHERE NOT closed AND files > 0;

-- The files of open groups.
CREATE TABLE group_file (
  grp  bigint NOT NULL,
  file bigint NOT NULL,
  PRIMARY KEY (grp, file)
);
CREATE INDEX group_file_file ON group_file (file);

CREATE TABLE route_number (
  route text COLLATE "C" PRIMARY KEY,
  last  bigint NOT NULL
);

CREATE TABLE package (
  key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id          text COLLATE "C" NOT NULL UNIQUE,
  route       text COLLATE "C" NOT NULL,
  stage       text COLLATE "C" NOT NULL,
  number      bigint NOT NULL,
  name        text COLLATE "C" NOT NULL,
  dir         text   NOT NULL,
  grp         text   NOT NULL,
  source      text COLLATE "C" NOT NULL,
  destination text   NOT NULL,
  files       integer NOT NULL,
  bytes       bigint NOT NULL,
  size        bigint NOT NULL,
  digest      text   NOT NULL DEFAULT '',
  manifest    text   NOT NULL DEFAULT '',
  instrument  text   NOT NULL,
  observation text   NOT NULL,
  module      text   NOT NULL,
  program     text   NOT NULL,
  tags        text   NOT NULL,
  observed_at timestamptz,
  made_at     timestamptz NOT NULL,
  made_age    timestamptz NOT NULL,
  first_filed timestamptz,
  quarantined text   NOT NULL DEFAULT '',
  gone        integer NOT NULL DEFAULT 0,     -- source files deleted
  missed      integer NOT NULL DEFAULT 0,     -- source files lost before that
  UNIQUE (route, number)
);
CREATE INDEX package_tail ON package (reverse(id));
CREATE INDEX package_name ON package (name);
CREATE INDEX package_quarantined ON package (id) WHERE quarantined <> '';
CREATE INDEX package_source ON package (source, route, stage);

-- What of a package changes all the time. Its row is the lock on the package.
CREATE TABLE package_state (
  package     bigint PRIMARY KEY REFERENCES package (key),
  id          text COLLATE "C" NOT NULL UNIQUE,
  made_at     timestamptz NOT NULL,
  first_filed timestamptz,
  version     bigint NOT NULL DEFAULT 1,
  evaluated   bigint NOT NULL DEFAULT 0,
  wake_at     timestamptz,
  urgent      boolean NOT NULL DEFAULT false,   -- something of it is a request or a repair
  revision    bigint NOT NULL DEFAULT 0,        -- under which it was last evaluated
  status      text   NOT NULL DEFAULT 'packing',
  wanted      text   NOT NULL DEFAULT '[]',     -- as last saved
  policies    text   NOT NULL DEFAULT '{}'
) WITH (fillfactor = 80);
CREATE INDEX state_dirty ON package_state (urgent DESC, made_at, package) WHERE version > evaluated;
CREATE INDEX state_wake ON package_state (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX state_revision ON package_state (revision, package);
CREATE INDEX state_pending ON package_state (first_filed) WHERE status <> 'archived';

CREATE TABLE segments (
  package bigint PRIMARY KEY REFERENCES package (key),
  digests text NOT NULL                       -- JSON
);

CREATE TABLE member (
  package  bigint NOT NULL REFERENCES package (key),
  path     bytea  NOT NULL,
  file     bigint NOT NULL REFERENCES file (key),
  name     text   NOT NULL DEFAULT '',
  start    bigint NOT NULL DEFAULT 0,         -- offset of the content in the tar
  size     bigint NOT NULL,
  mod_time bigint NOT NULL,
  identity text   NOT NULL,
  digest   text   NOT NULL DEFAULT '',
  PRIMARY KEY (package, path)
);
CREATE INDEX member_file ON member (file, package);

-- Packages that hold some of the same source files.
CREATE TABLE peer (
  package bigint NOT NULL REFERENCES package (key),
  other   bigint NOT NULL REFERENCES package (key),
  PRIMARY KEY (package, other)
);

CREATE TABLE receipt (
  key      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id       text COLLATE "C" NOT NULL UNIQUE,
  package  text COLLATE "C" NOT NULL REFERENCES package (id),
  location text COLLATE "C" NOT NULL,
  path     bytea  NOT NULL,
  digest   text   NOT NULL,
  size     bigint NOT NULL,
  at       timestamptz NOT NULL,
  worker   text   NOT NULL,
  task     text   NOT NULL,
  token    bigint NOT NULL,
  medium   text   NOT NULL
);
CREATE INDEX receipt_copy ON receipt (package, location, path, key);

CREATE TABLE copy (
  id            text COLLATE "C" PRIMARY KEY,
  package       text COLLATE "C" NOT NULL REFERENCES package (id),
  location      text COLLATE "C" NOT NULL,
  form          text   NOT NULL,
  path          bytea  NOT NULL,
  state         text   NOT NULL,
  size          bigint NOT NULL,
  identity      text   NOT NULL DEFAULT '',
  verified_at   timestamptz,
  verified_age  timestamptz,
  condemned_age timestamptz,
  receipt       bigint REFERENCES receipt (key),
  sidecar       boolean NOT NULL DEFAULT false,
  reason        text   NOT NULL DEFAULT '',
  before        text   NOT NULL DEFAULT '',
  backfill      boolean NOT NULL DEFAULT false,
  verify_asked  timestamptz
);
CREATE INDEX copy_package ON copy (package);
CREATE UNIQUE INDEX copy_live ON copy (package, location) WHERE state NOT IN ('deleted', 'quarantined', 'lost');
CREATE INDEX copy_oldest ON copy (location, verified_age, package) WHERE state IN ('present', 'staged');
CREATE INDEX copy_location ON copy (location, package) WHERE state <> 'deleted';

CREATE TABLE task (
  id           text COLLATE "C" PRIMARY KEY,
  route        text   NOT NULL,
  stage        text   NOT NULL,
  type         text   NOT NULL,
  package      text COLLATE "C" NOT NULL REFERENCES package (id),
  from_loc     text COLLATE "C" NOT NULL,
  to_loc       text COLLATE "C" NOT NULL,
  link         text   NOT NULL,
  send_site    text   NOT NULL,
  receive_site text   NOT NULL,
  piece        text   NOT NULL,
  state        text   NOT NULL,
  class        text   NOT NULL,
  priority     bigint NOT NULL,
  bytes        bigint NOT NULL,
  revision     bigint NOT NULL,
  epoch        text   NOT NULL,
  token        bigint NOT NULL DEFAULT 0,
  claim_by     bigint NOT NULL,               -- microseconds it may stay unclaimed
  lease_until  timestamptz,
  worker       text   NOT NULL DEFAULT '',
  phase        text   NOT NULL DEFAULT '',
  done         bigint NOT NULL DEFAULT 0,
  total        bigint NOT NULL DEFAULT 0,
  attempts     integer NOT NULL DEFAULT 0,
  next_try     timestamptz,
  failure      text,                          -- JSON
  subject      text   NOT NULL DEFAULT '',    -- what an environment failure was about
  source_copy  text   NOT NULL,
  target_copy  text   NOT NULL,
  form         text   NOT NULL,
  path         bytea  NOT NULL,
  expect       text   NOT NULL,
  confirmed    bigint NOT NULL DEFAULT 0,     -- token of the confirmed deletion
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  ended_at     timestamptz
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX task_open ON task (package, to_loc) WHERE state IN ('pending', 'scheduled', 'in_progress');
CREATE INDEX task_shown ON task (package) WHERE state IN ('pending', 'scheduled', 'in_progress', 'failed');
CREATE INDEX task_lease ON task (lease_until) WHERE state IN ('scheduled', 'in_progress');
CREATE INDEX task_retry ON task (next_try) WHERE state = 'pending' AND next_try IS NOT NULL;
CREATE INDEX task_subject ON task (subject) WHERE state = 'pending' AND subject <> '';
CREATE INDEX task_scheduled ON task (id) WHERE state = 'scheduled';
CREATE INDEX task_tail ON task (reverse(id));
CREATE INDEX task_state ON task (state, id);
CREATE INDEX task_package ON task (package, id);
CREATE INDEX task_places ON task (from_loc, to_loc) WHERE state IN ('pending', 'scheduled', 'in_progress');

CREATE TABLE task_slot (
  task text COLLATE "C" NOT NULL,
  slot text COLLATE "C" NOT NULL,
  PRIMARY KEY (slot, task)
);
CREATE INDEX task_slot_task ON task_slot (task);

CREATE TABLE open_move (
  package      text COLLATE "C" NOT NULL,
  stage        text COLLATE "C" NOT NULL,
  from_loc     text COLLATE "C" NOT NULL,
  to_loc       text COLLATE "C" NOT NULL,
  version      bigint NOT NULL,
  route        text   NOT NULL,
  type         text   NOT NULL,
  link         text COLLATE "C" NOT NULL,
  verdict      text   NOT NULL,
  reason       text   NOT NULL,
  text         text   NOT NULL,
  since        timestamptz,
  class        integer NOT NULL,              -- index in opsdb.Classes
  priority     bigint NOT NULL,
  number       bigint NOT NULL,
  made_at      timestamptz,
  bytes        bigint NOT NULL,
  has_left     boolean NOT NULL,
  on_way       boolean NOT NULL,
  source_copy  text   NOT NULL,
  target_copy  text   NOT NULL,
  form         text   NOT NULL,
  expect       text   NOT NULL,
  send_site    text   NOT NULL,
  receive_site text   NOT NULL,
  queued       boolean NOT NULL,              -- ready, or refused by Dispatch since
  PRIMARY KEY (package, stage, from_loc, to_loc)
);
CREATE INDEX move_queue ON open_move (class, priority DESC, made_at, number, package) WHERE queued;
CREATE INDEX move_lane ON open_move (route, stage, to_loc, link, class, priority DESC, made_at, number, package) WHERE queued;
CREATE INDEX move_left ON open_move (to_loc, number, package) WHERE queued AND has_left;
CREATE INDEX move_from ON open_move (from_loc, package);
CREATE INDEX move_to ON open_move (to_loc, package);
CREATE INDEX move_link ON open_move (link, package) WHERE link <> '';

-- One row for a package that waits at a location for a next hop (`ahead`).
CREATE TABLE hop (
  package  text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  bytes    bigint NOT NULL,
  PRIMARY KEY (package, location)
);

CREATE TABLE waiting (
  cause   text COLLATE "C" NOT NULL,
  package text COLLATE "C" NOT NULL,
  PRIMARY KEY (cause, package)
);
CREATE INDEX waiting_package ON waiting (package);

-- Causes that have come about: who waits for one is marked dirty by the next
-- call of Dirty, apart from the transaction that brought it about, so that no
-- transaction holds what it changed while it asks for the packages of others.
CREATE TABLE wakeup (
  key   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause text COLLATE "C" NOT NULL,
  most  integer NOT NULL,                     -- packages to wake; 0: all
  what  text NOT NULL,                        -- 'waiting': who waits for it; 'moves': who has a move there; 'tries': who backs off because of it
  package text COLLATE "C" NOT NULL DEFAULT '' -- of 'tries': only this one, whether it backs off or not
);

-- What deletions were let through, per location and minute.
CREATE TABLE brake (
  location text COLLATE "C" NOT NULL,
  minute   bigint NOT NULL,
  bytes    bigint NOT NULL,
  packages bigint NOT NULL,
  PRIMARY KEY (location, minute)
);

CREATE TABLE staging_request (
  id          text COLLATE "C" PRIMARY KEY,
  package     text COLLATE "C" NOT NULL REFERENCES package (id),
  location    text NOT NULL,
  who         text NOT NULL,
  why         text NOT NULL,
  at          timestamptz NOT NULL,
  released_at timestamptz
);
CREATE INDEX request_package ON staging_request (package);
CREATE UNIQUE INDEX request_open ON staging_request (package, location) WHERE released_at IS NULL;

CREATE TABLE hold (
  id       text COLLATE "C" PRIMARY KEY,
  package  text COLLATE "C" NOT NULL REFERENCES package (id),
  location text NOT NULL,
  kind     text NOT NULL,
  who      text NOT NULL,
  why      text NOT NULL,
  at       timestamptz NOT NULL
);
CREATE INDEX hold_package ON hold (package);

CREATE TABLE event (
  key      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id       text   NOT NULL,
  version  integer NOT NULL,
  seq      bigint,
  at       timestamptz NOT NULL,
  actor    text   NOT NULL,
  kind     text   NOT NULL,
  subject  text   NOT NULL,
  package  text COLLATE "C" NOT NULL,
  location text   NOT NULL,
  why      text   NOT NULL,
  revision bigint NOT NULL,
  before   text   NOT NULL,
  after    text   NOT NULL,
  hash     text   NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX event_seq ON event (seq) WHERE seq IS NOT NULL;
CREATE INDEX event_tail ON event (key) WHERE seq IS NULL;
CREATE INDEX event_package ON event (package, key) WHERE package <> '';

-- +goose Down
SELECT 1;
