-- +goose Up

-- The copy at a place that was read back longest ago: what verification is behind with.
CREATE INDEX copy_unread ON copy (location, verified_at) WHERE state IN ('present', 'staged') AND verified_at IS NOT NULL;
