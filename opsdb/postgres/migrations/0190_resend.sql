-- +goose Up

-- Orders of people that a package may leave a site again for another one, although it left once. One is used up when
-- the other site has the package.
CREATE TABLE resend (
  id       text COLLATE "C" PRIMARY KEY,
  package  text COLLATE "C" NOT NULL REFERENCES package (id),
  site     text NOT NULL,
  who      text NOT NULL,
  why      text NOT NULL,
  at       timestamptz NOT NULL,
  ended_at timestamptz
);
CREATE UNIQUE INDEX resend_open ON resend (package, site) WHERE ended_at IS NULL;

-- +goose Down
SELECT 1;
