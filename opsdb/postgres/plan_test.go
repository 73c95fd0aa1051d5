//go:build servers

package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// grows are the tables whose size grows with what was ever done. What runs all
// the time finds its rows in them by an index; open moves, hops, waits, slots and
// pauses are the working set, and places, sites and links are few.
var grows = regexp.MustCompile(`Seq Scan on (file|file_group|group_file|package|package_state|segments|member|peer|receipt|copy|task|event|staging_request|hold|resend|observation|skip|open_move|waiting)\b`)

// recorder notes the statements of a store.
type recorder struct {
	mu   sync.Mutex
	sql  map[string]bool
	keep bool
}

func (r *recorder) note(sql string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keep && !strings.HasPrefix(sql, "begin") && sql != "commit" && sql != "rollback" {
		r.sql[sql] = true
	}
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	r.note(d.SQL)
	return ctx
}
func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceBatchStartData) context.Context {
	for _, q := range d.Batch.QueuedQueries {
		r.note(q.SQL)
	}
	return ctx
}
func (r *recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (r *recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// TestNothingScans looks at the plan of every statement that engine, filing
// and workers use all day, in a database that holds much besides.
func TestNothingScans(t *testing.T) {
	t.Parallel()
	r := &recorder{sql: map[string]bool{}}
	url := testserver.Postgres(t)
	s := openAt(t, url, Options{trace: r})
	packages(t, s, 2)
	testserver.PostgresExec(t, url, history(20000)...)
	r.keep = true
	allDay(t, s)
	r.keep = false
	if len(r.sql) < 70 {
		t.Errorf("only %d statements were looked at", len(r.sql))
	}
	c := connect(t, url)
	for sql := range r.sql {
		for _, step := range planOf(t, c, sql) {
			if grows.MatchString(step) {
				t.Errorf("%s\n  in %s", step, sql)
			}
		}
	}
}

// TestPlanFindsScans makes sure that the look at plans can fail.
func TestPlanFindsScans(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	s := openAt(t, url, Options{})
	packages(t, s, 1)
	testserver.PostgresExec(t, url, history(2000)...)
	c := connect(t, url)
	for _, sql := range []string{`SELECT 1 FROM file WHERE size = $1`, `SELECT 1 FROM task WHERE worker = $1`, `SELECT 1 FROM event WHERE actor = $1`} {
		if plan := planOf(t, c, sql); !grows.MatchString(strings.Join(plan, "\n")) {
			t.Errorf("no scan seen in %s: %v", sql, plan)
		}
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	config, err := configure(url, Options{})
	must(t, err)
	c, err := pgx.ConnectConfig(t.Context(), config.ConnConfig)
	must(t, err)
	_, err = c.Exec(t.Context(), "SET enable_seqscan = on") // the plans must be good without this help
	must(t, err)
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	return c
}

// planOf is the plan of a statement for any arguments. What cannot be explained has no plan.
func planOf(t *testing.T, c *pgx.Conn, sql string) (steps []string) {
	t.Helper()
	first := strings.ToUpper(strings.Fields(sql)[0])
	if first != "SELECT" && first != "INSERT" && first != "UPDATE" && first != "DELETE" && first != "WITH" {
		return nil
	}
	d, err := c.Prepare(t.Context(), "plan", sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	args := strings.TrimSuffix(strings.Repeat("NULL,", len(d.ParamOIDs)), ",")
	if args != "" {
		args = "(" + args + ")"
	}
	rows, err := c.Query(t.Context(), "EXPLAIN EXECUTE plan"+args, pgx.QueryExecModeSimpleProtocol)
	must(t, err)
	steps, err = pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err, c.Deallocate(t.Context(), "plan"))
	return steps
}

// history makes n packages that are done with, with all that belongs to them.
func history(n int) []string {
	r := strings.NewReplacer("{n}", fmt.Sprint(n))
	all := []string{
		`INSERT INTO file (id, location, path, size, mod_time, identity, digest, instrument, observation, module, program, tags, state, filed_at, routed, homes)
		  SELECT 'f' || i, 'a.s', convert_to('old/' || i, 'UTF8'), 1, 1, '', '', '', 'o' || i, '', '', '', CASE WHEN i % 2 = 0 THEN 'deleted' ELSE 'present' END, now(), true, 1 FROM generate_series(1, {n}) i`,
		`INSERT INTO file_group (id, route, stage, location, group_key, instrument, observation, module, program, tags, closed, evaluated, version)
		  SELECT 'g' || i, 'r', 'p', 'a.s', 'old' || i, '', 'o' || i, '', '', '', true, 1, 1 FROM generate_series(1, {n}) i`,
		`INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size, digest, instrument, observation, module, program, tags, made_at, made_age)
		  SELECT 'p' || i, 'r', 'p', 1000 + i, 'n' || i, '', '', 'a.s', '', 1, 1, 1, '', '', '', '', '', '', now(), now() FROM generate_series(1, {n}) i`,
		`INSERT INTO package_state (package, id, made_at, version, evaluated, revision, status) SELECT key, id, made_at, 2, 2, 1, 'archived' FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO member (package, path, file, size, mod_time, identity) SELECT p.key, f.path, f.key, 1, 1, '' FROM package p JOIN file f ON f.id = 'f' || substr(p.id, 2) WHERE p.id LIKE 'p%'`,
		`INSERT INTO receipt (id, package, location, path, digest, size, at, worker, task, token, medium) SELECT 'r' || id, id, 'b.l', 'x', 'd', 1, now(), '', '', 1, 'medium' FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO copy (id, package, location, form, path, state, size, verified_at, verified_age) SELECT 'c' || id, id, 'b.l', 'tar', 'x', 'present', 1, now(), now() FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO task (id, route, stage, type, package, from_loc, to_loc, link, send_site, receive_site, piece, state, class, priority, bytes, revision, epoch, claim_by, source_copy, target_copy, form, path, expect, created_at, updated_at)
		  SELECT 't' || id, 'r', 'x', 'archive', id, 'b.b', 'b.l', '', 'b', 'b', 'whole', 'completed', 'fresh', 0, 1, 1, '', 1, '', '', '', '', '', now(), now() FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO open_move (package, stage, from_loc, to_loc, version, route, type, link, verdict, reason, text, class, priority, number, made_at, bytes, has_left, on_way, source_copy, target_copy, form, expect, send_site, receive_site, queued)
		  SELECT id, 'z' || key % 50, 'y.' || key % 50, 'x.' || key % 50, 1, 'r', 'archive', '', 'waiting', 'window', '', 0, 0, 1, now(), 1, false, false, '', '', '', '', '', '', false FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO waiting (cause, package) SELECT 'pause:' || key, id FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO group_file (grp, file) SELECT -f.key, f.key FROM file f`,
		`INSERT INTO peer (package, other) SELECT key, key FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO segments (package, digests) SELECT key, '[]' FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO staging_request (id, package, location, who, why, at, released_at) SELECT id, id, 'x.y', '', '', now(), now() FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO resend (id, package, site, who, why, at, ended_at) SELECT id, id, 'x', '', '', now(), now() FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO hold (id, package, location, kind, who, why, at) SELECT id, id, 'x.y', 'all', '', '', now() FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO event (id, version, seq, at, actor, kind, subject, package, location, why, revision, before, after) SELECT id, 1, 1000000 + key, now(), '', '', '', id, '', '', 1, '', '' FROM package WHERE id LIKE 'p%'`,
		`INSERT INTO observation (instrument, observation, finished_at) SELECT '', 'o' || i, now() FROM generate_series(1, {n}) i`,
		`UPDATE package_state SET version = 2, evaluated = 2 WHERE id LIKE 'p%'`,
		`ANALYZE`,
	}
	for i := range all {
		all[i] = r.Replace(all[i])
	}
	return all
}

// allDay calls what engine, filing and workers call all day, on one package.
func allDay(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	now, err := s.Now(ctx)
	must(t, err, s.Tick(ctx, time.Second, false), s.Present(ctx, opsdb.Worker{ID: "w", Sites: []string{"a", "b"}, AtOnce: 1}))
	many := make([]opsdb.File, 40)
	for i := range many {
		many[i] = opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: fmt.Sprint("new/", i), Size: 1, ModTime: now, Observation: "new"}
	}
	_, _, err = s.FileFiles(ctx, many)
	must(t, err)
	many[0].Size++
	_, _, err = s.FileFiles(ctx, many[:2])
	must(t, err)
	files, err := s.Unrouted(ctx, 100)
	must(t, err)
	var ids []opsdb.ID
	var routings []opsdb.Routing
	for _, f := range files {
		ids, routings = append(ids, f.ID), append(routings, opsdb.Routing{File: f.ID, Route: "r", Stage: "p", Key: "new", Group: opsdb.Group{Observation: "new"}})
	}
	must(t, s.Route(ctx, ids, append(routings, opsdb.Routing{File: ids[0], Route: "q", Stage: "p", Key: "new"})), s.FinishObservation(ctx, "", "new"))
	groups, err := s.DirtyGroups(ctx, now, 10)
	must(t, err)
	in, err := s.GroupFiles(ctx, groups[0].ID)
	must(t, err, s.KeepGroup(ctx, groups[0].ID, groups[0].Version, now, ""))
	made, err := s.CloseGroup(ctx, groups[0].ID, groups[0].Version, 1, []opsdb.NewPackage{{Files: in}})
	must(t, err, s.Missing(ctx, "a.s", ids[3:5]))
	work(t, s, made[0])
	for range s.KnownFiles(ctx, "x.y") {
	}
	must(t, s.Wake(ctx, []string{"site:a"}, 5), s.Waiting(ctx, []opsdb.OpenMove{ship("package")}), s.Skip(ctx, []opsdb.Skip{{Location: "a.s", Path: "skip"}}))
	_, err = s.Dirty(ctx, now.Add(time.Hour), 10)
	must(t, err)
	_, err = s.Press(ctx, []opsdb.Mark{{Location: "b.l", Above: 10, Until: 5}})
	must(t, err)
	_, err = s.Press(ctx, []opsdb.Mark{{Location: "b.l", Above: 10, Until: 5}})
	must(t, err)
	_, err = s.Chain(ctx)
	must(t, err)
	_, err = s.Totals(ctx)
	must(t, err)
	_, err = s.NextWake(ctx)
	must(t, err)
	_, err = s.Unclaimed(ctx)
	must(t, err)
	_, err = s.FindPackage(ctx, made[0].ID.Short())
	must(t, err)
}

// work carries the package through tasks of every kind and end.
func work(t *testing.T, s *Store, p opsdb.Package) {
	t.Helper()
	ctx := t.Context()
	a := assigned(t, s, p.ID, ship("package"))
	for m, err := range s.Members(ctx, p.ID) {
		must(t, err)
		m.Digest = "m"
		must(t, s.RecordMembers(ctx, a.Task.ID, a.Task.Token, []opsdb.Member{m}))
	}
	must(t, s.Renew(ctx, a.Task.ID, a.Task.Token, time.Minute, "tar", 0, 1))
	receipt := opsdb.Receipt{Package: p.ID, Location: "a.b", Path: "p", Digest: "d", Size: 1}
	_, err := s.Finish(ctx, a.Task.ID, a.Task.Token, opsdb.Outcome{Packed: &opsdb.Packed{Size: 1, Digest: "d"}, Receipts: []opsdb.Receipt{receipt}, Target: &opsdb.CopyFact{State: opsdb.Present, Size: 1}})
	must(t, err)
	m := ship("transfer")
	m.From, m.To, m.Link = "a.b", "b.b", "a>b"
	a = assigned(t, s, p.ID, m)
	_, err = s.Finish(ctx, a.Task.ID, a.Task.Token, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 1}})
	must(t, err)
	now, err := s.Now(ctx)
	must(t, err)
	for range opsdb.BreakerFailures {
		a, err = s.Claim(ctx, a.Task.ID, "w", time.Minute)
		must(t, err, s.Fail(ctx, a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Environment, Subject: "link:a>b"}, now, false, opsdb.Outcome{}))
		_, err = s.Dispatch(ctx, 1, []opsdb.Grant{grantOf(t, s, p.ID, m)})
		must(t, err)
	}
	_, err = s.Expire(ctx, now.Add(time.Hour), time.Minute)
	must(t, err)
	must(t, s.Report(ctx, opsdb.LocationReport{Location: "b.b", Free: 1, Down: &opsdb.Down{Reason: "full"}}), s.Report(ctx, opsdb.LocationReport{Location: "b.b", Free: 2}))
	for range 2 { // the gate is asked for the source files, and refuses
		facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
		must(t, err)
		for _, c := range facts[0].Copies {
			if c.Form == opsdb.Files {
				m = opsdb.OpenMove{Stage: "x", Type: "delete", From: "a.s", To: "a.s", TargetCopy: c.ID, Package: p.ID, Version: facts[0].Package.Version}
			}
		}
		_, err = s.Save(ctx, 1, []opsdb.Evaluation{{Package: p.ID, Version: m.Version, Moves: []opsdb.OpenMove{m}, Condemn: []opsdb.ID{m.TargetCopy}, Policies: map[string]opsdb.Policy{"a.s": {}}}})
		must(t, err)
	}
	out, err := s.Dispatch(ctx, 1, []opsdb.Grant{{Move: m, ClaimBy: time.Minute}})
	must(t, err)
	if out[0].Refusal != opsdb.GateShut {
		t.Fatalf("the gate is open: %+v", out[0])
	}
}
