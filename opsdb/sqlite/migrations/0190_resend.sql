-- +goose Up

-- Orders of people that a package may leave a site again for another one, although it left once. One is used up when
-- the other site has the package.
CREATE TABLE resend (
  id       TEXT PRIMARY KEY,
  package  TEXT    NOT NULL REFERENCES package (id),
  site     TEXT    NOT NULL,
  who      TEXT    NOT NULL,
  why      TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX resend_open ON resend (package, site) WHERE ended_at IS NULL;

-- +goose Down
SELECT 1;
