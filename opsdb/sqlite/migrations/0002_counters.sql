-- +goose Up

-- Counters are kept by triggers, so that no path of the code can forget them.

-- +goose StatementBegin
CREATE TRIGGER file_in AFTER INSERT ON file BEGIN
  INSERT INTO file_total (location, state, homeless, count, bytes)
    VALUES (NEW.location, NEW.state, NEW.homes = 0, 1, NEW.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER file_moved AFTER UPDATE OF state, size, homes ON file
WHEN OLD.state <> NEW.state OR OLD.size <> NEW.size OR (OLD.homes = 0) <> (NEW.homes = 0) BEGIN
  UPDATE file_total SET count = count - 1, bytes = bytes - OLD.size
    WHERE location = OLD.location AND state = OLD.state AND homeless = (OLD.homes = 0);
  INSERT INTO file_total (location, state, homeless, count, bytes)
    VALUES (NEW.location, NEW.state, NEW.homes = 0, 1, NEW.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER copy_in AFTER INSERT ON copy BEGIN
  INSERT INTO copy_total (location, state, count, bytes) VALUES (NEW.location, NEW.state, 1, NEW.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
  INSERT INTO room (location, used, reserved, backfill) VALUES (NEW.location,
      iif(NEW.form <> 'files' AND NEW.state NOT IN ('expected', 'deleted', 'lost'), NEW.size, 0),
      iif(NEW.state = 'expected', NEW.size, 0),
      iif(NEW.backfill = 1 AND NEW.state NOT IN ('deleted', 'lost'), NEW.size, 0))
    ON CONFLICT DO UPDATE SET used = used + excluded.used, reserved = reserved + excluded.reserved, backfill = backfill + excluded.backfill;
  UPDATE package SET version = version + 1 WHERE id = NEW.package;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER copy_out AFTER DELETE ON copy BEGIN
  UPDATE copy_total SET count = count - 1, bytes = bytes - OLD.size WHERE location = OLD.location AND state = OLD.state;
  UPDATE room SET
      used = used - iif(OLD.form <> 'files' AND OLD.state NOT IN ('expected', 'deleted', 'lost'), OLD.size, 0),
      reserved = reserved - iif(OLD.state = 'expected', OLD.size, 0),
      backfill = backfill - iif(OLD.backfill = 1 AND OLD.state NOT IN ('deleted', 'lost'), OLD.size, 0)
    WHERE location = OLD.location;
  UPDATE package SET version = version + 1 WHERE id = OLD.package;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER copy_moved AFTER UPDATE OF state, size, backfill ON copy
WHEN OLD.state <> NEW.state OR OLD.size <> NEW.size OR OLD.backfill <> NEW.backfill BEGIN
  UPDATE copy_total SET count = count - 1, bytes = bytes - OLD.size WHERE location = OLD.location AND state = OLD.state;
  INSERT INTO copy_total (location, state, count, bytes) VALUES (NEW.location, NEW.state, 1, NEW.size)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
  UPDATE room SET
      used = used - iif(OLD.form <> 'files' AND OLD.state NOT IN ('expected', 'deleted', 'lost'), OLD.size, 0)
                  + iif(NEW.form <> 'files' AND NEW.state NOT IN ('expected', 'deleted', 'lost'), NEW.size, 0),
      reserved = reserved - iif(OLD.state = 'expected', OLD.size, 0) + iif(NEW.state = 'expected', NEW.size, 0),
      backfill = backfill - iif(OLD.backfill = 1 AND OLD.state NOT IN ('deleted', 'lost'), OLD.size, 0)
                          + iif(NEW.backfill = 1 AND NEW.state NOT IN ('deleted', 'lost'), NEW.size, 0)
    WHERE location = NEW.location;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER copy_fact AFTER UPDATE ON copy BEGIN
  UPDATE package SET version = version + 1 WHERE id = NEW.package;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER task_in AFTER INSERT ON task BEGIN
  INSERT INTO task_total (state, count) VALUES (NEW.state, 1) ON CONFLICT DO UPDATE SET count = count + 1;
  UPDATE package SET version = version + 1 WHERE id = NEW.package;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER task_moved AFTER UPDATE OF state ON task WHEN OLD.state <> NEW.state BEGIN
  UPDATE task_total SET count = count - 1 WHERE state = OLD.state;
  INSERT INTO task_total (state, count) VALUES (NEW.state, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER task_fact AFTER UPDATE OF state, piece, next_try, attempts ON task
WHEN OLD.state <> NEW.state OR OLD.piece <> NEW.piece OR OLD.next_try IS NOT NEW.next_try OR OLD.attempts <> NEW.attempts BEGIN
  UPDATE package SET version = version + 1 WHERE id = NEW.package;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER slot_taken AFTER INSERT ON task_slot BEGIN
  INSERT INTO slot (name, in_use) VALUES (NEW.slot, 1) ON CONFLICT DO UPDATE SET in_use = in_use + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER slot_freed AFTER DELETE ON task_slot BEGIN
  UPDATE slot SET in_use = in_use - 1 WHERE name = OLD.slot;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER move_in AFTER INSERT ON open_move BEGIN
  INSERT INTO move_total (verdict, reason, count) VALUES (NEW.verdict, NEW.reason, 1) ON CONFLICT DO UPDATE SET count = count + 1;
  UPDATE link SET backlog = backlog + NEW.bytes WHERE name = NEW.link;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER move_out AFTER DELETE ON open_move BEGIN
  UPDATE move_total SET count = count - 1 WHERE verdict = OLD.verdict AND reason = OLD.reason;
  UPDATE link SET backlog = backlog - OLD.bytes WHERE name = OLD.link;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER move_changed AFTER UPDATE OF verdict, reason ON open_move BEGIN
  UPDATE move_total SET count = count - 1 WHERE verdict = OLD.verdict AND reason = OLD.reason;
  INSERT INTO move_total (verdict, reason, count) VALUES (NEW.verdict, NEW.reason, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER hop_in AFTER INSERT ON hop BEGIN
  INSERT INTO hop_total (location, bytes) VALUES (NEW.location, NEW.bytes) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER hop_out AFTER DELETE ON hop BEGIN
  UPDATE hop_total SET bytes = bytes - OLD.bytes WHERE location = OLD.location;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER package_in AFTER INSERT ON package BEGIN
  INSERT INTO package_total (status, count) VALUES (NEW.status, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER package_moved AFTER UPDATE OF status ON package WHEN OLD.status <> NEW.status BEGIN
  UPDATE package_total SET count = count - 1 WHERE status = OLD.status;
  INSERT INTO package_total (status, count) VALUES (NEW.status, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
-- +goose StatementEnd
-- Who waits for a package is looked at again when that package changes (peers of S1f).
-- +goose StatementBegin
CREATE TRIGGER package_changed AFTER UPDATE OF version ON package WHEN NEW.version > OLD.version BEGIN
  UPDATE package SET version = version + 1 WHERE id IN (SELECT package FROM waiting WHERE cause = 'package:' || NEW.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_in AFTER INSERT ON staging_request BEGIN
  UPDATE package SET version = version + 1, urgent = 1 WHERE id = NEW.package;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER request_changed AFTER UPDATE ON staging_request BEGIN
  UPDATE package SET version = version + 1 WHERE id = NEW.package;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER hold_in AFTER INSERT ON hold BEGIN
  UPDATE package SET version = version + 1 WHERE id = NEW.package;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER hold_out AFTER DELETE ON hold BEGIN
  UPDATE package SET version = version + 1 WHERE id = OLD.package;
END;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
