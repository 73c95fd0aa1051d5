package engine_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// stock writes many packages into a play's database at once, as if they had
// come through it long ago: in both archives, read back yesterday.
type stock struct {
	testing.TB
	db *sql.DB
}

func newStock(p *play) *stock {
	p.t.Helper()
	db, err := sql.Open("sqlite", "file:"+p.path+"?_pragma=busy_timeout(60000)&_pragma=synchronous(OFF)&_pragma=cache_size(-200000)")
	p.must(err)
	p.t.Cleanup(func() { _ = db.Close() })
	return &stock{p.t, db}
}

func (s *stock) exec(query string, args ...any) {
	s.Helper()
	if _, err := s.db.ExecContext(s.Context(), query, args...); err != nil {
		s.Fatalf("%v in %s", err, query)
	}
}

// counted is the numbers from 1 to ?1.
const counted = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) `

// packages makes n packages of 1 GB. Their numbers begin after a million.
func (s *stock) packages(n int, now time.Time) {
	s.Helper()
	s.exec(`INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size, digest, manifest, instrument, observation,
	    module, program, tags, made_at, made_age, first_filed, version, evaluated, status, revision)
	  `+counted+`SELECT printf('0198f000-0000-7000-8000-%012x', i), 'raw', 'pack', 1000000 + i, printf('raw-obs-m1-%d-%08x', i, i), 'raw/obs', '', 'ccat.primecam', 'ccat.buffer',
	    1, 1000000000, 1000000000, 'd1', 'm1', 'primecam', 'obs', 'm1', '', '[]', ?2, ?2, ?2, 1, 1, 'archived', 1 FROM n`, n, now.Add(-24*time.Hour).UnixMicro())
}

// archived gives the n packages their copies and receipts in the archives.
func (s *stock) archived(n int, now time.Time, places ...string) {
	s.Helper()
	at := now.Add(-24 * time.Hour).UnixMicro()
	for k, place := range places {
		s.exec(`INSERT INTO receipt (key, id, package, location, path, digest, size, at, worker, task, token, medium)
		  `+counted+`SELECT ?2 * 100000000 + i, printf('0198f00%d-0000-7000-8001-%012x', ?2, i), printf('0198f000-0000-7000-8000-%012x', i), ?3, CAST('p' AS BLOB), 'd1', 1000000000, ?4, 'w', '', 1, 'medium' FROM n`,
			n, k+1, place, at)
		s.exec(`INSERT INTO copy (id, package, location, form, path, state, size, verified_at, verified_age, receipt)
		  `+counted+`SELECT printf('0198f00%d-0000-7000-8002-%012x', ?2, i), printf('0198f000-0000-7000-8000-%012x', i), ?3, 'tar', CAST('p' AS BLOB), 'present', 1000000000, ?4, ?4, ?2 * 100000000 + i FROM n`,
			n, k+1, place, at)
	}
}

// evaluated writes what an evaluation of any of them concludes for all.
func (s *stock) evaluated(wake time.Time, wanted, policies string) {
	s.Helper()
	s.exec(`UPDATE package SET evaluated = version, wake_at = ?, wanted = ?, policies = ? WHERE number > 1000000`, wake.UnixMicro(), wanted, policies)
}

// queued has all of them wait in line for one move.
func (s *stock) queued(m opsdb.OpenMove, now time.Time) {
	s.Helper()
	s.exec(`INSERT INTO open_move (package, stage, from_loc, to_loc, version, route, type, link, verdict, reason, text, since, class, priority, number, made_at,
	    bytes, has_left, on_way, source_copy, target_copy, form, expect, send_site, receive_site, queued)
	  SELECT id, ?1, ?2, ?3, version, route, 'transfer', ?4, 'ready', 'ready', '', ?5, 0, 9, number, made_at, size, 0, 0, '', '', 'tar', '', ?6, ?7, 1 FROM package WHERE number > 1000000`,
		m.Stage, m.From, m.To, m.Link, now.UnixMicro(), m.SendSite, m.ReceiveSite)
	s.exec(`UPDATE package SET evaluated = version WHERE number > 1000000`)
}

// TestStuckMovesHideNothing is E6: 30,000 older and more important moves that
// wait for the slots of one link do not hold up what takes another.
func TestStuckMovesHideNothing(t *testing.T) {
	t.Parallel()
	g := ccat("cologne", "cornell")
	p := newPlay(t, g)
	s := newStock(p)
	s.packages(30_000, p.clock.Now())
	s.queued(ready(1, "replicate", "cornell.buffer", "cologne.buffer", gb), p.clock.Now())
	p.holding = func(task opsdb.Task) bool { return task.Stage == "replicate" && task.Link == "cornell>cologne" }
	p.observe("ccat.primecam", "fresh", 1, gb)
	for range 8 {
		p.pass()
		p.work()
	}
	if len(p.held) != g.Links["cornell>cologne"].AtOnce {
		t.Errorf("%d of the stuck ones are under way", len(p.held))
	}
	if got := p.count("ship "); got != 1 {
		t.Errorf("the fresh one did not go: %v", p.log)
	}
	ready, err := p.store.Ready(p.ctx, 500)
	p.must(err)
	if len(ready) > 502 {
		t.Errorf("%d of 30,000 are read to fill four slots", len(ready))
	}
}
