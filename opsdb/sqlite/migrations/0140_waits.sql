-- +goose Up

-- How long a move has waited at each gate, and, once it is a task, what it waited for before it was claimed.
ALTER TABLE open_move ADD COLUMN waits TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN waits TEXT NOT NULL DEFAULT '';

-- +goose Down
SELECT 1;
