#!/bin/sh
# Makes the logins of engine and workers, members of the group roles that `dtctl migrate --roles` made.
set -eu
export PGPASSWORD; PGPASSWORD=$(cat /run/keys/owner_password)
login() { # NAME PASSWORD-FILE GROUP…
  name=$1 file=$2; shift 2
  psql -qv ON_ERROR_STOP=1 -h postgres -U cdt -d cdt -v name="$name" -v password="$(cat "/run/keys/$file")" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
SQL
  for group in "$@"; do psql -qv ON_ERROR_STOP=1 -h postgres -U cdt -d cdt -c "GRANT $group TO $name"; done
}
login cdt_engine_login engine cdt_engine
login cdt_worker_ccat worker_ccat cdt_worker cdt_api
login cdt_worker_cologne worker_cologne cdt_worker
login cdt_worker_cornell worker_cornell cdt_worker
echo "logins are ready"
