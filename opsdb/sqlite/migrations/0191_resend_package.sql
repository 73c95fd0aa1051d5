-- +goose Up

-- What refers to a package is found by it.
CREATE INDEX resend_package ON resend (package);

-- +goose Down
SELECT 1;
