#!/bin/sh
# Makes what the services must not share with anybody: passwords, ssh keys and
# the addresses that hold them, each once, into the volume of the service
# that needs it, readable for its user alone. And gives the data volumes to CDT's user.
# Run again it makes only what is missing.
set -eu
umask 077
cdt=10001 postgres=999 redis=999 grafana=472

all=/keys/all
mkdir -p "$all"
password() { [ -s "$all/$1" ] || openssl rand -hex 24 > "$all/$1"; cat "$all/$1"; }
# give SERVICE NAME: the text on standard input becomes /run/keys/NAME of a service.
give() { mkdir -p "/keys/$1"; cat > "/keys/$1/$2.new"; mv "/keys/$1/$2.new" "/keys/$1/$2"; }
own() { chown -R "$2:$2" "/keys/$1"; chmod 700 "/keys/$1"; }

password owner | give postgres owner_password
for login in engine worker_ccat worker_cologne worker_cornell; do password "$login" | give postgres "$login"; done
printf 'postgres://cdt:%s@postgres:5432/cdt' "$(password owner)" | give migrate db
printf 'postgres://cdt_engine_login:%s@postgres:5432/cdt' "$(password engine)" | give engine db
printf 'bind 0.0.0.0\nrequirepass %s\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\nsave ""\n' "$(password redis)" | give redis redis.conf
printf 'redis://:%s@redis:6379/0' "$(password redis)" | give engine redis
password influx_token | give influxdb token
password influx_password | give influxdb password
password influx_token | give engine influx_token
password influx_token | give grafana influx_token
password grafana | give grafana admin_password
password s3_access | give s3 access
password s3_secret | give s3 secret

for site in ccat cologne cornell; do
  [ -s "$all/link_$site" ] || ssh-keygen -q -t ed25519 -N '' -C "cdt@$site" -f "$all/link_$site"
  [ -s "$all/host_$site" ] || ssh-keygen -q -t ed25519 -N '' -C "sshd-$site" -f "$all/host_$site"
done
for site in ccat cologne cornell; do
  printf 'postgres://cdt_worker_%s:%s@postgres:5432/cdt' "$site" "$(password "worker_$site")" | give "$site" db
  printf 'redis://:%s@redis:6379/0' "$(password redis)" | give "$site" redis
  password influx_token | give "$site" influx_token
  give "$site" link_key < "$all/link_$site"
  for other in ccat cologne cornell; do
    printf '[sshd-%s]:2222 %s\n' "$other" "$(cut -d' ' -f1,2 "$all/host_$other.pub")"
  done | give "$site" known_hosts
  give "sshd-$site" host_key < "$all/host_$site"
  # Other sites may run the agent and what it starts here, and nothing else.
  for other in ccat cologne cornell; do
    [ "$other" = "$site" ] || printf 'restrict,command="dtctl agent forced --root /data/buffer --program rsync --program bbcp" %s\n' "$(cat "$all/link_$other.pub")"
  done | give "sshd-$site" authorized_keys
done
password s3_access | give cologne COLOGNE_LTA_ACCESS_KEY
password s3_secret | give cologne COLOGNE_LTA_SECRET_KEY

for service in engine migrate s3 ccat cologne cornell sshd-ccat sshd-cologne sshd-cornell; do own "$service" "$cdt"; done
own postgres "$postgres"; own redis "$redis"; own grafana "$grafana"; own influxdb 0
for dir in /volumes/*/; do chown "$cdt:$cdt" "$dir"; done
chown 472:472 /volumes/grafana; chown 65534:65534 /volumes/prometheus
echo "keys and volumes are ready"
