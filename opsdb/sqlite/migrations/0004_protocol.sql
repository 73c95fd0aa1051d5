-- +goose Up
ALTER TABLE worker ADD COLUMN protocol INTEGER NOT NULL DEFAULT 0; -- it speaks; 0: it does not say
