#!/usr/bin/env bash
# Files go in at the observatory; it waits until both archives have them and panels have data.
# Exit code 0 if everything was found. PROMETHEUS, JAEGER and GRAFANA are where these answer; empty: it is not asked.
set -euo pipefail
cd "$(dirname "$0")/../.."
compose=(${COMPOSE:-docker-compose} --profile full)
inside() { "${compose[@]}" exec -T "$@"; }

run="smoke-$(date +%s)"
echo "five files into ccat.primecam, as observation $run"
inside worker-ccat sh -c "mkdir -p /data/primecam/$run && for i in 1 2 3 4 5; do head -c 2000000 /dev/urandom > /data/primecam/$run/\$i.fits; done"

echo "waiting for both archives"
archived=0
for _ in $(seq 180); do
  archived=$(inside engine dtctl packages --state done -o json 2>/dev/null | grep -c "\"name\": *\"raw-$run" || true)
  [ "$archived" -ge 1 ] && break
  sleep 2
done
if [ "$archived" -lt 1 ]; then
  echo "not archived after six minutes; dtctl status says:" >&2
  inside engine dtctl status >&2 || true
  exit 1
fi
echo "archived at both"

bad=0
ask() { # NAME URL WANT
  case $2 in /*) return ;; esac
  if curl -fsS --max-time 10 "$2" | grep -q "$3"; then echo "  has data: $1"; else echo "  NO DATA: $1" >&2; bad=1; fi
}
prometheus=${PROMETHEUS-http://localhost:9090} jaeger=${JAEGER-http://localhost:16686} grafana=${GRAFANA-http://localhost:3000}
ask "Prometheus, tasks"    "$prometheus"'/api/v1/query?query=sum(cdt_task_ended_total)' '"value"'
ask "Prometheus, archives" "$prometheus"'/api/v1/query?query=sum(cdt_archived_after_seconds_count)' '"value"'
ask "Jaeger, a trace"      "$jaeger"'/api/traces?service=cdt-worker&limit=1' '"traceID"'
ask "Grafana"              "$grafana"'/api/health' '"database"'
exit $bad
