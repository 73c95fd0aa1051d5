-- +goose Up

-- Breakers of locations and links.
ALTER TABLE location ADD COLUMN failures INTEGER NOT NULL DEFAULT 0; -- environment failures in a row
ALTER TABLE location ADD COLUMN failed_at INTEGER;                   -- the last of them
ALTER TABLE location ADD COLUMN succeeded_at INTEGER;                -- the first success after a failure
ALTER TABLE location ADD COLUMN blamed TEXT NOT NULL DEFAULT '';     -- package that failed last
ALTER TABLE location ADD COLUMN pause INTEGER NOT NULL DEFAULT 0;    -- microseconds before the next probe; 0: not open by failures
ALTER TABLE location ADD COLUMN probe TEXT NOT NULL DEFAULT '';      -- package let through while half open
ALTER TABLE link ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN failed_at INTEGER;
ALTER TABLE link ADD COLUMN succeeded_at INTEGER;
ALTER TABLE link ADD COLUMN blamed TEXT NOT NULL DEFAULT '';
ALTER TABLE link ADD COLUMN pause INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN probe TEXT NOT NULL DEFAULT '';

-- Tasks a worker takes in hand at once; 0: it does not say.
ALTER TABLE worker ADD COLUMN at_once INTEGER NOT NULL DEFAULT 0;

-- Pressure: while it presses, copies up to (press_age, press_package) go early,
-- the oldest first; they stay condemned until enough is gone.
ALTER TABLE location ADD COLUMN pressing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE location ADD COLUMN press_age INTEGER;                   -- observed time
ALTER TABLE location ADD COLUMN press_package TEXT NOT NULL DEFAULT '';
CREATE INDEX copy_oldest ON copy (location, verified_age, package) WHERE state IN ('present', 'staged');
CREATE INDEX copy_condemned ON copy (location, package) WHERE state IN ('deletion_possible', 'deletion_scheduled');

-- The queue by lane, so that what is stuck in one hides nothing in another.
DROP INDEX move_queue;
CREATE INDEX move_lane ON open_move (route, stage, to_loc, link, class, priority DESC, made_at, number, package) WHERE queued = 1;
CREATE INDEX move_left ON open_move (to_loc, number, package) WHERE queued = 1 AND has_left = 1;

-- +goose Down
SELECT 1;
