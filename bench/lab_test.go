//go:build servers

package bench_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/jobs/river"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/postgres"
	"github.com/ccatobs/cdt/testserver"
)

// labRoutes is a site with one archive. Nothing lies in its places: the stages of the benchmarks do nothing.
const labRoutes = `
version: 1
sites:
  lab:
    locations:
      camera: {type: source, disk: {path: /lab/camera}}
      buffer: {type: buffer, disk: {path: /lab/buffer}}
      lta:    {type: long_term_archive, disk: {path: /lab/lta}}
routes:
  raw:
    stages:
      pack:    {type: package, from: lab.camera, to: lab.buffer, max_size: 50GB, close_when: group.bytes >= GB(1)}
      archive: {type: archive, from: lab.buffer, to: lab.lta}
      scrub:   {type: verify, at: lab.lta, every: 90d}
    retention:
      require_archived: 1
      locations:
        lab.camera: {delete_when: age >= days(14)}
        lab.buffer: {delete_when: archived >= 1}
`

// lab is a database with many packages that are done: archived, read back, evaluated.
type lab struct {
	*testing.B
	url   string
	conn  *pgx.Conn
	store *postgres.Store
	graph *graph.Graph
	rev   opsdb.Revision
}

// newLab starts PostgreSQL as Debian ships it: a commit is on the disk when it is said to be.
func newLab(b *testing.B, packages int) *lab {
	b.Helper()
	ctx := b.Context()
	l := &lab{B: b, url: testserver.PostgresWith(b, append(preload(), "max_wal_size=4GB", "shared_buffers=256MB")...)}
	var err error
	if l.store, err = openStore(ctx, l.url, "engine"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.store.Close() })
	files := map[string][]byte{"routes.yaml": []byte(labRoutes)}
	g, list := node.Compile(files)
	l.check(errors.Join(list.Err(), river.Migrate(ctx, l.url)))
	l.graph = g
	l.rev, err = l.store.Activate(ctx, node.Revision(g, files, "bench", "bench"), engine.MirrorOf(g))
	l.check(err)
	l.conn, err = pgx.Connect(ctx, l.url)
	l.check(err)
	l.exec("SET enable_seqscan = off") // to ask how far it is must not slow it down
	b.Cleanup(func() { _ = l.conn.Close(context.WithoutCancel(ctx)) })
	l.fill(packages)
	return l
}

func (l *lab) check(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *lab) exec(sql string, args ...any) {
	l.Helper()
	if _, err := l.conn.Exec(l.Context(), sql, args...); err != nil {
		l.Fatalf("%v in %s", err, sql)
	}
}

// packageID is the id of the i-th package, from 1.
const packageID = `'0198f000-0000-7000-8000-' || lpad(to_hex(i), 12, '0')`

// history is how many tasks were done before, at most.
const history = 50_000

// fill writes n packages of 1 GB as if they had come long ago, without the
// triggers that keep the counters, and counts them.
func (l *lab) fill(n int) {
	l.Helper()
	l.exec(`SET session_replication_role = replica`)
	l.exec(`INSERT INTO package (key, id, route, stage, number, name, dir, grp, source, destination, files, bytes, size, digest, manifest, instrument, observation,
	    module, program, tags, made_at, made_age, first_filed) OVERRIDING SYSTEM VALUE
	  SELECT i, `+packageID+`, 'raw', 'pack', i, 'raw-obs-m1-' || i, 'raw/obs', '', 'lab.camera', 'lab.buffer', 1, 1000000000, 1000000000, 'd1', 'm1', 'camera', 'obs',
	    'm1', '', '[]', now() - interval '1 day', now() - interval '1 day', now() - interval '1 day' FROM generate_series(1, $1::int) i`, n)
	l.exec(`INSERT INTO package_state (package, id, made_at, first_filed, version, evaluated, wake_at, revision, status, wanted)
	  SELECT i, `+packageID+`, now() - interval '1 day', now() - interval '1 day', 1, 1, now() + interval '30 days', $2, 'archived', '["lab.lta"]' FROM generate_series(1, $1::int) i`, n, l.rev.Number)
	l.exec(`INSERT INTO receipt (key, id, package, location, path, digest, size, at, worker, task, token, medium) OVERRIDING SYSTEM VALUE
	  SELECT i, replace(`+packageID+`, '0198f000', '0198f001'), `+packageID+`, 'lab.lta', 'p', 'd1', 1000000000, now() - interval '1 day', 'w', '', 1, 'medium' FROM generate_series(1, $1::int) i`, n)
	l.exec(`INSERT INTO copy (id, package, location, form, path, state, size, verified_at, verified_age, receipt)
	  SELECT replace(`+packageID+`, '0198f000', '0198f002'), `+packageID+`, 'lab.lta', 'tar', 'p', 'present', 1000000000, now() - interval '1 day', now() - interval '1 day', i FROM generate_series(1, $1::int) i`, n)
	// The tasks that brought them there: tables that were empty a moment ago are planned for as if they stayed so.
	l.exec(`INSERT INTO task (id, route, stage, type, package, from_loc, to_loc, link, send_site, receive_site, piece, state, class, priority, bytes, revision, epoch, token, claim_by,
	    source_copy, target_copy, form, path, expect, created_at, updated_at, ended_at)
	  SELECT replace(`+packageID+`, '0198f000', '0198f003'), 'raw', 'archive', 'archive', `+packageID+`, 'lab.buffer', 'lab.lta', '', 'lab', 'lab', 'whole', 'completed', 'fresh', 0, 1000000000, $2, 'e', 1, 1,
	    '', replace(`+packageID+`, '0198f000', '0198f002'), 'tar', 'p', 'd1', now() - interval '1 day', now() - interval '1 day', now() - interval '1 day' FROM generate_series(1, $1::int) i`, min(n, history), l.rev.Number)
	l.exec(`INSERT INTO tally (kind, a, b, count, bytes) VALUES ('copy', 'lab.lta', 'present', $1::bigint, $1::bigint * 1000000000), ('used', 'lab.lta', '', $1::bigint, $1::bigint * 1000000000), ('package', 'archived', '', $1::bigint, 0)`, n)
	l.exec(`INSERT INTO route_number (route, last) VALUES ('raw', $1) ON CONFLICT (route) DO UPDATE SET last = excluded.last`, n)
	for _, table := range []string{"package", "receipt"} {
		l.exec(`SELECT setval(pg_get_serial_sequence('`+table+`', 'key'), $1 + 1)`, n)
	}
	l.exec(`SET session_replication_role = DEFAULT`)
	l.exec(`VACUUM ANALYZE`)
	l.exec(`CHECKPOINT`) // they came long ago: that they are written to the disk must not hold up what comes now
}

// ids of the packages from i on, n of them, with their copies in the archive.
func (l *lab) ids(i, n int) (packages, copies []opsdb.ID) {
	l.Helper()
	rows, err := l.conn.Query(l.Context(), `SELECT `+packageID+`, replace(`+packageID+`, '0198f000', '0198f002') FROM generate_series($1::int, $2::int) i`, i, i+n-1)
	l.check(err)
	for rows.Next() {
		var p, c opsdb.ID
		l.check(rows.Scan(&p, &c))
		packages, copies = append(packages, p), append(copies, c)
	}
	l.check(rows.Err())
	return packages, copies
}

// until waits until a query says yes.
func (l *lab) until(sql string) {
	l.Helper()
	limit := time.NewTimer(30 * time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var yes bool
		if err := l.conn.QueryRow(l.Context(), sql).Scan(&yes); err != nil {
			l.Fatalf("%v in %s", err, sql)
		}
		if yes {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			l.Fatalf("not in time: %s", sql)
		}
	}
}

// number is a setting of a benchmark.
func number(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%q is no number", name, text)
	}
	return n
}
