-- +goose Up

-- Members and copies are made by who holds their package and, of members, has read the rows of the files: engines, nobody else may. Neither
-- packages nor files are ever removed. Each constraint was one more statement for every row, and locked what was held.
ALTER TABLE member DROP CONSTRAINT member_package_fkey, DROP CONSTRAINT member_file_fkey;
ALTER TABLE copy DROP CONSTRAINT copy_package_fkey;

-- +goose Down
SELECT 1;
