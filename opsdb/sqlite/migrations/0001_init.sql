-- +goose Up

-- Times are unix microseconds of the store's clock (observed times of the
-- observed clock), modification times unix nanoseconds, digests text, paths blobs.

CREATE TABLE opsdb (
  one        INTEGER PRIMARY KEY CHECK (one = 1),
  epoch      TEXT    NOT NULL,
  made_at    INTEGER NOT NULL,
  observed   INTEGER NOT NULL,            -- the observed clock
  ticked     INTEGER NOT NULL,            -- store time of the last tick
  suspect    INTEGER NOT NULL DEFAULT 0,
  quiet      INTEGER NOT NULL DEFAULT 0,  -- microseconds of agreement since it became suspect
  revision   INTEGER NOT NULL DEFAULT 0,  -- the active one
  stages     TEXT    NOT NULL DEFAULT '', -- package stages of the active revision
  chain_key  INTEGER NOT NULL DEFAULT 0,  -- key of the last chained event
  chain_seq  INTEGER NOT NULL DEFAULT 0,
  chain_hash TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE revision (
  number INTEGER PRIMARY KEY,
  digest TEXT NOT NULL,
  text   TEXT NOT NULL,
  who    TEXT NOT NULL,
  why    TEXT NOT NULL,
  at     INTEGER NOT NULL
) STRICT;

CREATE TABLE site (
  name    TEXT PRIMARY KEY,
  title   TEXT NOT NULL,
  state   TEXT NOT NULL,
  seen_at INTEGER NOT NULL,               -- a worker renewed its row, or the site was first mirrored
  up      INTEGER NOT NULL DEFAULT 0,     -- it had a worker when last looked at
  active  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE location (
  name        TEXT PRIMARY KEY,
  type        TEXT NOT NULL,
  storage     TEXT NOT NULL,
  marker      TEXT NOT NULL DEFAULT '',
  capacity    INTEGER NOT NULL DEFAULT 0,
  free        INTEGER NOT NULL DEFAULT -1,
  total       INTEGER NOT NULL DEFAULT 0,
  down_reason TEXT,
  down_text   TEXT,
  down_since  INTEGER,
  down_until  INTEGER,                    -- of a breaker: half open then
  active      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX location_down_until ON location (down_until) WHERE down_until IS NOT NULL;

CREATE TABLE link (
  name        TEXT PRIMARY KEY,
  from_site   TEXT NOT NULL,
  to_site     TEXT NOT NULL,
  backlog     INTEGER NOT NULL DEFAULT 0,
  down_reason TEXT,
  down_text   TEXT,
  down_since  INTEGER,
  down_until  INTEGER,
  active      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_down_until ON link (down_until) WHERE down_until IS NOT NULL;

-- What the copies of packages take at a location.
CREATE TABLE room (
  location TEXT PRIMARY KEY,
  used     INTEGER NOT NULL DEFAULT 0,
  reserved INTEGER NOT NULL DEFAULT 0,
  backfill INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE slot (
  name   TEXT PRIMARY KEY,
  in_use INTEGER NOT NULL DEFAULT 0 CHECK (in_use >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
  id      TEXT PRIMARY KEY,
  sites   TEXT NOT NULL,
  version TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pause (
  subject TEXT PRIMARY KEY,
  who     TEXT NOT NULL,
  why     TEXT NOT NULL,
  since   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE observation (
  instrument  TEXT NOT NULL,
  observation TEXT NOT NULL,
  finished_at INTEGER NOT NULL,
  PRIMARY KEY (instrument, observation)
) STRICT, WITHOUT ROWID;

CREATE TABLE file (
  key         INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL UNIQUE,
  location    TEXT    NOT NULL,
  path        BLOB    NOT NULL,
  size        INTEGER NOT NULL,
  mod_time    INTEGER NOT NULL,           -- nanoseconds
  identity    TEXT    NOT NULL,
  digest      TEXT    NOT NULL,
  instrument  TEXT    NOT NULL,
  observation TEXT    NOT NULL,
  module      TEXT    NOT NULL,
  program     TEXT    NOT NULL,
  tags        TEXT    NOT NULL,
  state       TEXT    NOT NULL,
  filed_at    INTEGER NOT NULL,
  version     INTEGER NOT NULL,
  routed      INTEGER NOT NULL DEFAULT 0, -- looked at under the active package stages
  homes       INTEGER NOT NULL DEFAULT 0, -- open groups and packages it is in
  conflict    TEXT    NOT NULL DEFAULT '' -- the other content last refused
) STRICT;
CREATE UNIQUE INDEX file_path ON file (location, path) WHERE state NOT IN ('deleted', 'lost');
CREATE INDEX file_lost ON file (location, path) WHERE state = 'lost';
CREATE INDEX file_unrouted ON file (filed_at) WHERE routed = 0 AND state = 'present';
CREATE INDEX file_homeless ON file (id) WHERE homes = 0 AND state = 'present';

CREATE TABLE file_total (
  location TEXT    NOT NULL,
  state    TEXT    NOT NULL,
  homeless INTEGER NOT NULL,
  count    INTEGER NOT NULL DEFAULT 0,
  bytes    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (location, state, homeless)
) STRICT, WITHOUT ROWID;

-- What was registered, counted apart from the states (S12).
CREATE TABLE registered (
  location TEXT PRIMARY KEY,
  count    INTEGER NOT NULL DEFAULT 0,
  bytes    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE skip (
  location TEXT NOT NULL,
  path     BLOB NOT NULL,
  reason   TEXT NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (location, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE file_group (
  key         INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL UNIQUE,
  route       TEXT    NOT NULL,
  stage       TEXT    NOT NULL,
  location    TEXT    NOT NULL,
  group_key   TEXT    NOT NULL,
  instrument  TEXT    NOT NULL,
  observation TEXT    NOT NULL,
  module      TEXT    NOT NULL,
  program     TEXT    NOT NULL,
  tags        TEXT    NOT NULL,
  files       INTEGER NOT NULL DEFAULT 0,
  bytes       INTEGER NOT NULL DEFAULT 0,
  first       INTEGER,
  last        INTEGER,
  first_filed INTEGER,
  finished    INTEGER NOT NULL DEFAULT 0,
  closed      INTEGER NOT NULL DEFAULT 0,
  version     INTEGER NOT NULL DEFAULT 1,
  evaluated   INTEGER NOT NULL DEFAULT 0,
  wake_at     INTEGER,
  reason      TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX group_open ON file_group (route, stage, location, group_key) WHERE closed = 0;
CREATE INDEX group_dirty ON file_group (key) WHERE closed = 0 AND version > evaluated;
CREATE INDEX group_wake ON file_group (wake_at) WHERE closed = 0 AND wake_at IS NOT NULL;
CREATE INDEX group_observation ON file_group (observation) WHERE closed = 0;
CREATE INDEX group_location ON file_group (location, route, stage) WHERE closed = 0;

-- The files of open groups.
CREATE TABLE group_file (
  grp  INTEGER NOT NULL REFERENCES file_group (key),
  file INTEGER NOT NULL REFERENCES file (key),
  PRIMARY KEY (grp, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_file_file ON group_file (file);

CREATE TABLE route_number (
  route TEXT PRIMARY KEY,
  last  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE package (
  key         INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL UNIQUE,
  route       TEXT    NOT NULL,
  stage       TEXT    NOT NULL,
  number      INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  dir         TEXT    NOT NULL,
  grp         TEXT    NOT NULL,
  source      TEXT    NOT NULL,
  destination TEXT    NOT NULL,
  files       INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  digest      TEXT    NOT NULL DEFAULT '',
  manifest    TEXT    NOT NULL DEFAULT '',
  instrument  TEXT    NOT NULL,
  observation TEXT    NOT NULL,
  module      TEXT    NOT NULL,
  program     TEXT    NOT NULL,
  tags        TEXT    NOT NULL,
  observed_at INTEGER,
  made_at     INTEGER NOT NULL,
  made_age    INTEGER NOT NULL,
  first_filed INTEGER,
  version     INTEGER NOT NULL DEFAULT 1,
  evaluated   INTEGER NOT NULL DEFAULT 0,
  wake_at     INTEGER,
  quarantined TEXT    NOT NULL DEFAULT '',
  gone        INTEGER NOT NULL DEFAULT 0,     -- source files deleted
  missed      INTEGER NOT NULL DEFAULT 0,     -- source files lost before that
  urgent      INTEGER NOT NULL DEFAULT 0,     -- something of it is a request or a repair
  status      TEXT    NOT NULL DEFAULT 'packing',
  revision    INTEGER NOT NULL DEFAULT 0,     -- under which it was last evaluated
  wanted      TEXT    NOT NULL DEFAULT '[]',  -- as last saved
  policies    TEXT    NOT NULL DEFAULT '{}',
  UNIQUE (route, number)
) STRICT;
CREATE INDEX package_name ON package (name);
CREATE INDEX package_dirty ON package (urgent DESC, made_at, key) WHERE version > evaluated;
CREATE INDEX package_wake ON package (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX package_pending ON package (first_filed) WHERE status <> 'archived';
CREATE INDEX package_quarantined ON package (id) WHERE quarantined <> '';
CREATE INDEX package_source ON package (source, route, stage);

CREATE TABLE package_total (
  status TEXT PRIMARY KEY,
  count  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
  package INTEGER PRIMARY KEY REFERENCES package (key),
  digests TEXT NOT NULL                       -- JSON
) STRICT;

CREATE TABLE member (
  package  INTEGER NOT NULL REFERENCES package (key),
  path     BLOB    NOT NULL,
  file     INTEGER NOT NULL REFERENCES file (key),
  name     TEXT    NOT NULL DEFAULT '',
  start    INTEGER NOT NULL DEFAULT 0,        -- offset of the content in the tar
  size     INTEGER NOT NULL,
  mod_time INTEGER NOT NULL,
  identity TEXT    NOT NULL,
  digest   TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (package, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_file ON member (file, package);

-- Packages that hold some of the same source files.
CREATE TABLE peer (
  package INTEGER NOT NULL REFERENCES package (key),
  other   INTEGER NOT NULL REFERENCES package (key),
  PRIMARY KEY (package, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX peer_other ON peer (other);

CREATE TABLE receipt (
  key      INTEGER PRIMARY KEY,
  id       TEXT    NOT NULL UNIQUE,
  package  TEXT    NOT NULL REFERENCES package (id),
  location TEXT    NOT NULL,
  path     BLOB    NOT NULL,
  digest   TEXT    NOT NULL,
  size     INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  worker   TEXT    NOT NULL,
  task     TEXT    NOT NULL,
  token    INTEGER NOT NULL,
  medium   TEXT    NOT NULL
) STRICT;
CREATE INDEX receipt_copy ON receipt (package, location, path, key);

CREATE TABLE copy (
  id            TEXT    PRIMARY KEY,
  package       TEXT    NOT NULL REFERENCES package (id),
  location      TEXT    NOT NULL,
  form          TEXT    NOT NULL,
  path          BLOB    NOT NULL,
  state         TEXT    NOT NULL,
  size          INTEGER NOT NULL,
  identity      TEXT    NOT NULL DEFAULT '',
  verified_at   INTEGER,
  verified_age  INTEGER,
  condemned_age INTEGER,
  receipt       INTEGER REFERENCES receipt (key),
  sidecar       INTEGER NOT NULL DEFAULT 0,
  reason        TEXT    NOT NULL DEFAULT '',
  before        TEXT    NOT NULL DEFAULT '',
  backfill      INTEGER NOT NULL DEFAULT 0,
  verify_asked  INTEGER
) STRICT;
CREATE INDEX copy_package ON copy (package);
CREATE UNIQUE INDEX copy_live ON copy (package, location) WHERE state NOT IN ('deleted', 'quarantined', 'lost');
CREATE INDEX copy_location ON copy (location, package) WHERE state <> 'deleted';

CREATE TABLE copy_total (
  location TEXT NOT NULL,
  state    TEXT NOT NULL,
  count    INTEGER NOT NULL DEFAULT 0,
  bytes    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (location, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
  id           TEXT    PRIMARY KEY,
  route        TEXT    NOT NULL,
  stage        TEXT    NOT NULL,
  type         TEXT    NOT NULL,
  package      TEXT    NOT NULL REFERENCES package (id),
  from_loc     TEXT    NOT NULL,
  to_loc       TEXT    NOT NULL,
  link         TEXT    NOT NULL,
  send_site    TEXT    NOT NULL,
  receive_site TEXT    NOT NULL,
  piece        TEXT    NOT NULL,
  state        TEXT    NOT NULL,
  class        TEXT    NOT NULL,
  priority     INTEGER NOT NULL,
  bytes        INTEGER NOT NULL,
  revision     INTEGER NOT NULL,
  epoch        TEXT    NOT NULL,
  token        INTEGER NOT NULL DEFAULT 0,
  claim_by     INTEGER NOT NULL,              -- microseconds it may stay unclaimed
  lease_until  INTEGER,
  worker       TEXT    NOT NULL DEFAULT '',
  phase        TEXT    NOT NULL DEFAULT '',
  done         INTEGER NOT NULL DEFAULT 0,
  total        INTEGER NOT NULL DEFAULT 0,
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_try     INTEGER,
  failure      TEXT,                          -- JSON
  subject      TEXT    NOT NULL DEFAULT '',   -- what an environment failure was about
  source_copy  TEXT    NOT NULL,
  target_copy  TEXT    NOT NULL,
  form         TEXT    NOT NULL,
  path         BLOB    NOT NULL,
  expect       TEXT    NOT NULL,
  confirmed    INTEGER NOT NULL DEFAULT 0,    -- token of the confirmed deletion
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  ended_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX task_open ON task (package, to_loc) WHERE state IN ('pending', 'scheduled', 'in_progress');
CREATE INDEX task_shown ON task (package) WHERE state IN ('pending', 'scheduled', 'in_progress', 'failed');
CREATE INDEX task_lease ON task (lease_until) WHERE state IN ('scheduled', 'in_progress');
CREATE INDEX task_retry ON task (next_try) WHERE state = 'pending' AND next_try IS NOT NULL;
CREATE INDEX task_subject ON task (subject) WHERE state = 'pending' AND subject <> '';
CREATE INDEX task_state ON task (state, id);
CREATE INDEX task_package ON task (package, id);

CREATE TABLE task_slot (
  task TEXT NOT NULL REFERENCES task (id),
  slot TEXT NOT NULL,
  PRIMARY KEY (task, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE task_total (
  state TEXT PRIMARY KEY,
  count INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE open_move (
  package      TEXT    NOT NULL REFERENCES package (id),
  stage        TEXT    NOT NULL,
  from_loc     TEXT    NOT NULL,
  to_loc       TEXT    NOT NULL,
  version      INTEGER NOT NULL,
  route        TEXT    NOT NULL,
  type         TEXT    NOT NULL,
  link         TEXT    NOT NULL,
  verdict      TEXT    NOT NULL,
  reason       TEXT    NOT NULL,
  text         TEXT    NOT NULL,
  since        INTEGER,
  class        INTEGER NOT NULL,              -- index in opsdb.Classes
  priority     INTEGER NOT NULL,
  number       INTEGER NOT NULL,
  made_at      INTEGER,
  bytes        INTEGER NOT NULL,
  has_left     INTEGER NOT NULL,
  on_way       INTEGER NOT NULL,
  source_copy  TEXT    NOT NULL,
  target_copy  TEXT    NOT NULL,
  form         TEXT    NOT NULL,
  expect       TEXT    NOT NULL,
  send_site    TEXT    NOT NULL,
  receive_site TEXT    NOT NULL,
  queued       INTEGER NOT NULL,              -- ready, or refused by Dispatch since
  PRIMARY KEY (package, stage, from_loc, to_loc)
) STRICT, WITHOUT ROWID;
CREATE INDEX move_queue ON open_move (class, priority DESC, made_at, number, package) WHERE queued = 1;
CREATE INDEX move_from ON open_move (from_loc, package);
CREATE INDEX move_to ON open_move (to_loc, package);
CREATE INDEX move_link ON open_move (link, package) WHERE link <> '';

CREATE TABLE move_total (
  verdict TEXT NOT NULL,
  reason  TEXT NOT NULL,
  count   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (verdict, reason)
) STRICT, WITHOUT ROWID;

-- One row for a package that waits at a location for a next hop (`ahead`).
CREATE TABLE hop (
  package  TEXT    NOT NULL REFERENCES package (id),
  location TEXT    NOT NULL,
  bytes    INTEGER NOT NULL,
  PRIMARY KEY (package, location)
) STRICT, WITHOUT ROWID;

CREATE TABLE hop_total (
  location TEXT PRIMARY KEY,
  bytes    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE waiting (
  cause   TEXT NOT NULL,
  package TEXT NOT NULL REFERENCES package (id),
  PRIMARY KEY (cause, package)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_package ON waiting (package);

-- What deletions were let through, per location and minute.
CREATE TABLE brake (
  location TEXT    NOT NULL,
  minute   INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  packages INTEGER NOT NULL,
  PRIMARY KEY (location, minute)
) STRICT, WITHOUT ROWID;

CREATE TABLE staging_request (
  id          TEXT PRIMARY KEY,
  package     TEXT    NOT NULL REFERENCES package (id),
  location    TEXT    NOT NULL,
  who         TEXT    NOT NULL,
  why         TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  released_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX request_package ON staging_request (package);
CREATE UNIQUE INDEX request_open ON staging_request (package, location) WHERE released_at IS NULL;

CREATE TABLE hold (
  id       TEXT PRIMARY KEY,
  package  TEXT    NOT NULL REFERENCES package (id),
  location TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  who      TEXT    NOT NULL,
  why      TEXT    NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hold_package ON hold (package);

CREATE TABLE event (
  key      INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  seq      INTEGER,
  at       INTEGER NOT NULL,
  actor    TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  subject  TEXT    NOT NULL,
  package  TEXT    NOT NULL,
  location TEXT    NOT NULL,
  why      TEXT    NOT NULL,
  revision INTEGER NOT NULL,
  before   TEXT    NOT NULL,
  after    TEXT    NOT NULL,
  hash     TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX event_seq ON event (seq) WHERE seq IS NOT NULL;
CREATE INDEX event_package ON event (package, key) WHERE package <> '';

-- +goose Down
SELECT 1;
