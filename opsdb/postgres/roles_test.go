//go:build servers

package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// TestRolesMayNotMore tries, in each role, what is not its work.
func TestRolesMayNotMore(t *testing.T) {
	t.Parallel()
	server, template := migrated(t)
	url := testserver.PostgresDatabase(t, server, template)
	s := openAt(t, as(url, "engine"), Options{})
	p, task := standing(t, s)
	testserver.PostgresExec(t, url, `UPDATE worker SET seen_at = now() + interval '1 day'`) // one that lives, however long this takes
	fill := strings.NewReplacer("{package}", string(p.ID), "{task}", string(task.ID))
	for role, statements := range map[string][]string{
		"worker": {
			`INSERT INTO task (id) VALUES ('x')`,
			`INSERT INTO copy (id, package, location, form, path, state, size) VALUES ('x', '{package}', 'b.l', 'tar', 'p', 'present', 1)`,
			`INSERT INTO hold (id, package, location, kind, who, why, at) VALUES ('x', '{package}', '', 'all', 'w', '', now())`,
			`INSERT INTO resend (id, package, site, who, why, at) VALUES ('x', '{package}', 'b', 'w', '', now())`,
			`UPDATE resend SET ended_at = NULL`,
			`INSERT INTO file (id, location, path, size, mod_time, identity, digest, instrument, observation, module, program, tags, state, filed_at) VALUES ('x', 'a.s', 'p', 1, 1, '', '', '', '', '', '', '', 'present', now())`,
			`INSERT INTO tally_delta (kind, a, count, bytes) VALUES ('registered', 'a.s', 1, 1)`,
			`INSERT INTO event (id, version, at, actor, kind, subject, package, location, why, revision, before, after) VALUES ('x', 1, now(), 'person:ada', 'hold.lifted', '', '', '', '', 1, '', '')`,
			`DELETE FROM event`,
			`UPDATE event SET why = 'nothing'`,
			`UPDATE event SET seq = 1, hash = 'x'`,
			`TRUNCATE event`,
			`DELETE FROM receipt`,
			`UPDATE receipt SET digest = 'x'`,
			`DELETE FROM hold`,
			`DELETE FROM package`,
			`DELETE FROM task`,
			`DELETE FROM open_task`,
			`UPDATE open_task SET look_at = NULL`,
			`DELETE FROM file`,
			`UPDATE package SET digest = 'ffff'`,
			`UPDATE package SET digest = ''`,
			`UPDATE package SET size = 7`,
			`UPDATE package SET name = 'x'`,
			`UPDATE package SET files = 0`,
			`UPDATE package_state SET policies = '{}'`,
			`UPDATE package_state SET version = 1`,
			`UPDATE package_state SET evaluated = version`,
			`UPDATE member SET digest = 'x'`,
			`DELETE FROM member`,
			`UPDATE copy SET state = 'deletion_possible' WHERE state = 'present'`,
			`UPDATE copy SET state = 'deletion_scheduled' WHERE state = 'present'`,
			`UPDATE copy SET state = 'deletion_in_progress' WHERE state = 'present'`,
			`UPDATE copy SET state = 'deleted' WHERE state = 'present'`,
			`UPDATE copy SET verified_at = now() WHERE state = 'expected'`,
			`UPDATE copy SET location = 'b.l'`,
			`DELETE FROM copy WHERE state = 'present'`,
			`UPDATE task SET token = token + 2 WHERE id = '{task}'`,
			`UPDATE task SET state = 'in_progress' WHERE state = 'completed'`,
			`UPDATE task SET state = 'withdrawn' WHERE id = '{task}'`,
			`UPDATE task SET to_loc = 'b.l' WHERE id = '{task}'`,
			`UPDATE file SET state = 'quarantined'`,
			`UPDATE file SET size = 7, version = version + 1`,
			`UPDATE file SET digest = 'x'`,
			`UPDATE file SET homes = homes + 1`,
			`UPDATE file_group SET files = files + 1, version = version + 1`,
			`UPDATE file_group SET bytes = 7, version = version + 1`,
			`UPDATE copy SET size = 7 WHERE state = 'present'`,
			`UPDATE copy SET size = size + 1 WHERE form = 'files'`,
			`DELETE FROM worker WHERE id = 'w'`,
			`UPDATE worker SET seen_at = seen_at - interval '1 hour' WHERE id = 'w'`,
			`UPDATE opsdb SET revision = 7`,
			`UPDATE opsdb SET restored_at = NULL`,
			`INSERT INTO inventory VALUES ('b.l', 'e', now(), 'w', 1, 0, 0, '', true)`,
			`UPDATE opsdb SET one = 2`,
			`UPDATE observed_clock SET suspect = false`,
			`UPDATE location SET marker = 'x'`,
			`INSERT INTO revision VALUES (9, '', '', '', '', now())`,
			`DELETE FROM pause`,
			`CREATE TABLE mine (x integer)`,
			`SELECT file_tally()`,
		},
		"watcher": {
			`UPDATE copy SET size = 7 WHERE state = 'present' AND form = 'tar'`,
			`UPDATE copy SET state = 'deletion_possible' WHERE state = 'present'`,
			`UPDATE copy SET state = 'deleted' WHERE state = 'present'`,
			`UPDATE copy SET verified_at = now() WHERE state = 'expected'`,
			`DELETE FROM copy WHERE state = 'present'`,
			`UPDATE task SET token = token + 2 WHERE id = '{task}'`,
			`UPDATE task SET state = 'in_progress' WHERE state = 'completed'`,
			`UPDATE task SET state = 'withdrawn' WHERE id = '{task}'`,
			`INSERT INTO task (id) VALUES ('x')`,
			`UPDATE file SET state = 'quarantined'`,
			`UPDATE package SET digest = 'ffff'`, `UPDATE package SET files = 0`, `UPDATE package_state SET version = 1`,
			`INSERT INTO event (id, version, at, actor, kind, subject, package, location, why, revision, before, after) VALUES ('x', 1, now(), 'person:ada', 'hold.lifted', '', '', '', '', 1, '', '')`,
			`DELETE FROM event`, `DELETE FROM receipt`, `UPDATE receipt SET digest = 'x'`,
			`DELETE FROM worker WHERE id = 'w'`,
		},
		"engine": {
			`DELETE FROM event`, `UPDATE event SET why = ''`, `TRUNCATE event`, `DELETE FROM receipt`, `UPDATE receipt SET size = 0`, `TRUNCATE receipt`,
			`DELETE FROM revision`, `UPDATE revision SET text = ''`, `DELETE FROM package`, `DELETE FROM file`, `DELETE FROM task`, `DELETE FROM open_task`,
			`UPDATE package SET digest = 'ffff'`, `UPDATE member SET digest = 'x'`, `DELETE FROM copy WHERE state = 'present'`, `DROP TABLE event`, `ALTER TABLE event DISABLE TRIGGER ALL`,
		},
		"api": {
			`INSERT INTO task (id) VALUES ('x')`, `UPDATE task SET token = 9`, `UPDATE task SET state = 'completed'`, `UPDATE copy SET state = 'deleted'`,
			`UPDATE copy SET state = 'deletion_possible'`, `UPDATE copy SET size = 7 WHERE form = 'tar'`, `DELETE FROM event`, `UPDATE event SET why = ''`, `DELETE FROM copy WHERE state = 'present'`,
			`INSERT INTO receipt (id, package, location, path, digest, size, at, worker, task, token, medium) VALUES ('x', '{package}', 'b.l', 'p', 'd', 1, now(), '', '', 1, '')`,
			`UPDATE package SET digest = 'ffff'`, `UPDATE package_state SET policies = '{}'`, `UPDATE opsdb SET revision = 7`, `UPDATE package SET quarantined = ''`,
			`UPDATE resend SET site = 'b'`, `DELETE FROM resend`,
		},
		"reader": {`DELETE FROM pause`, `UPDATE task SET phase = ''`, `INSERT INTO wakeup (cause, most, what) VALUES ('x', 1, 'waiting')`, `SELECT FROM opsdb FOR UPDATE`},
		"owner":  {`DELETE FROM event`, `UPDATE event SET why = ''`, `TRUNCATE event`, `UPDATE receipt SET size = 0`, `DELETE FROM receipt`, `UPDATE package SET digest = 'ffff'`, `DELETE FROM revision`},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			c, err := pgx.Connect(t.Context(), as(url, role))
			must(t, err)
			defer c.Close(t.Context()) //nolint:errcheck // a test's
			for _, statement := range statements {
				if err := refused42(t, c, fill.Replace(statement)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestLostCopyComesIntoQuarantineByItsReader tries, as a worker, what may become of a lost copy: it lies in quarantine, if a task that reads it moved it there.
func TestLostCopyComesIntoQuarantineByItsReader(t *testing.T) {
	t.Parallel()
	server, template := migrated(t)
	url := testserver.PostgresDatabase(t, server, template)
	_, task := standing(t, openAt(t, as(url, "engine"), Options{}))
	testserver.PostgresExec(t, url, `UPDATE copy SET state = 'lost', before = 'present', reason = 'it is not there' WHERE location IN ('a.s', 'a.b')`,
		`UPDATE task SET source_copy = (SELECT id FROM copy WHERE location = 'a.b') WHERE id = '`+string(task.ID)+`'`)
	c, err := pgx.Connect(t.Context(), as(url, "worker"))
	must(t, err)
	defer c.Close(t.Context()) //nolint:errcheck // a test's
	const moved = `UPDATE copy SET state = 'quarantined', reason = 'bad', path = '.quarantine/t/p' WHERE location = 'a.b'`
	refused := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if err := refused42(t, c, statement); err != nil {
				t.Error(err)
			}
		}
	}
	goes := func() {
		t.Helper()
		tx, err := c.Begin(t.Context())
		must(t, err)
		defer tx.Rollback(t.Context()) //nolint:errcheck // a test's
		if tag, err := tx.Exec(t.Context(), moved); err != nil || tag.RowsAffected() != 1 {
			t.Errorf("moved by who reads it: %v, %d rows", err, tag.RowsAffected())
		}
	}
	goes()
	refused(
		`UPDATE copy SET state = 'quarantined' WHERE location = 'a.b'`, // where it lay
		`UPDATE copy SET state = 'quarantined', path = '.quarantined/p' WHERE location = 'a.b'`,
		`UPDATE copy SET state = 'quarantined', path = '.quarantine/t/p', before = '' WHERE location = 'a.b'`,
		`UPDATE copy SET state = 'quarantined', path = '.quarantine/t/p', verified_at = now() + interval '1 day' WHERE location = 'a.b'`,
		`UPDATE copy SET state = 'quarantined', path = '.quarantine/t/p' WHERE location = 'a.s'`, // nobody reads it, and it is files
		`UPDATE copy SET state = 'present', path = '.quarantine/t/p' WHERE location = 'a.b'`,
		`UPDATE copy SET state = 'deleted', path = '.quarantine/t/p' WHERE location = 'a.b'`,
	)
	testserver.PostgresExec(t, url, `UPDATE task SET state = 'scheduled' WHERE id = '`+string(task.ID)+`'`) // its lease expired
	goes()
	testserver.PostgresExec(t, url, `UPDATE task SET worker = '' WHERE id = '`+string(task.ID)+`'`)
	refused(moved)
	testserver.PostgresExec(t, url, `UPDATE task SET state = 'in_progress', worker = 'w', source_copy = target_copy WHERE id = '`+string(task.ID)+`'`) // it reads another one
	refused(moved)
	testserver.PostgresExec(t, url, `UPDATE copy SET state = 'quarantined', path = '.quarantine/t/p' WHERE location = 'a.b'`)
	refused(`UPDATE copy SET state = 'lost' WHERE location = 'a.b'`, `UPDATE copy SET state = 'present' WHERE location = 'a.b'`)
}

// A worker that watches sources, with the rights of both, files what it found, lost and found again.
func TestAWatcherFilesWhatItFindsAgain(t *testing.T) {
	t.Parallel()
	server, template := migrated(t)
	url := testserver.PostgresDatabase(t, server, template)
	engine := openAt(t, as(url, "engine"), Options{})
	packages(t, engine, 1)
	s := openAt(t, as(url, "watcher"), Options{with: engine})
	c, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer c.Close(t.Context()) //nolint:errcheck // a test's
	is := func(want string, size int64) (id opsdb.ID) {
		t.Helper()
		var state string
		var bytes int64
		must(t, c.QueryRow(t.Context(), `SELECT f.id, f.state, c.size FROM file f, copy c WHERE c.form = 'files'`).Scan((*string)(&id), &state, &bytes))
		if state != want || bytes != size {
			t.Errorf("the file is %s and the copy has %d bytes, want %s, %d", state, bytes, want, size)
		}
		return id
	}
	must(t, s.Missing(t.Context(), "a.s", []opsdb.ID{is("present", 1)}))
	is("lost", 0)
	_, _, err = s.FileFiles(t.Context(), []opsdb.File{{ID: opsdb.NewID(), Location: "a.s", Path: "o/000000", Size: 1, ModTime: time.Unix(1e9, 0), Observation: "o"}})
	must(t, err)
	is("present", 1)
}

// refused42 runs a statement and undoes it; an error if it was let through, or failed for another reason.
func refused42(t *testing.T, c *pgx.Conn, statement string) error {
	t.Helper()
	tx, err := c.Begin(t.Context())
	must(t, err)
	defer tx.Rollback(t.Context()) //nolint:errcheck // a test's
	tag, err := tx.Exec(t.Context(), statement)
	var e *pgconn.PgError
	switch {
	case err == nil:
		return fmt.Errorf("%s: was let through, %d rows", statement, tag.RowsAffected())
	case errors.As(err, &e) && (e.Code == "42501" || e.Code == "23000" || e.Code == "23514"):
		return nil
	}
	return fmt.Errorf("%s: %w", statement, err)
}

// standing is a package with a verified copy, a hold, and a task in a worker's hands.
func standing(t *testing.T, s *Store) (opsdb.Package, opsdb.Task) {
	t.Helper()
	ctx := t.Context()
	p := packages(t, s, 1)[0]
	move := opsdb.OpenMove{Stage: "x", Type: "package", From: "a.s", To: "a.b", Verdict: "ready", Bytes: 1}
	a := assigned(t, s, p.ID, move)
	for m, err := range s.Members(ctx, p.ID) {
		must(t, err)
		m.Digest, m.Name = "m", "data/x"
		must(t, s.RecordMembers(ctx, a.Task.ID, a.Task.Token, []opsdb.Member{m}))
	}
	receipt := opsdb.Receipt{Package: p.ID, Location: "a.b", Path: "p", Digest: "d", Size: 1}
	_, err := s.Finish(ctx, a.Task.ID, a.Task.Token, opsdb.Outcome{Packed: &opsdb.Packed{Size: 1, Digest: "d"}, Receipts: []opsdb.Receipt{receipt}, Target: &opsdb.CopyFact{State: opsdb.Present, Size: 1}})
	must(t, err)
	_, err = s.Hold(ctx, opsdb.Hold{Package: p.ID, Who: "ada", Why: "mine"})
	must(t, err)
	must(t, s.Pause(ctx, opsdb.Pause{Subject: "route:other", Who: "ada"}))
	move.Type, move.Stage, move.From, move.To, move.Link = "transfer", "y", "a.b", "b.b", "a>b"
	b := assigned(t, s, p.ID, move)
	_, err = s.Chain(ctx)
	must(t, err)
	return p, b.Task
}

// packages activates routes and makes packages of one file each.
func packages(t testing.TB, s *Store, n int) []opsdb.Package {
	t.Helper()
	ctx := t.Context()
	_, err := s.Activate(ctx, opsdb.Revision{Digest: "d", Text: "{}"}, opsdb.Mirror{Sites: []opsdb.Site{{Name: "a"}, {Name: "b"}}, Links: []opsdb.Link{{From: "a", To: "b"}}, Locations: []opsdb.Location{
		{Name: "a.s", Type: opsdb.Source}, {Name: "a.b", Type: opsdb.Buffer}, {Name: "b.b", Type: opsdb.Buffer}, {Name: "b.l", Type: opsdb.Archive}}})
	must(t, err)
	must(t, s.Present(ctx, opsdb.Worker{ID: "w", Sites: []string{"a", "b"}}))
	files, ids, routings := make([]opsdb.File, n), make([]opsdb.ID, n), make([]opsdb.Routing, n)
	for i := range files {
		files[i] = opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: fmt.Sprintf("o/%06d", i), Size: 1, ModTime: time.Unix(1e9, 0), Observation: "o"}
		ids[i], routings[i] = files[i].ID, opsdb.Routing{File: files[i].ID, Route: "r", Stage: "p", Key: fmt.Sprint(i)}
	}
	_, _, err = s.FileFiles(ctx, files)
	must(t, err, s.Route(ctx, ids, routings))
	now, err := s.Now(ctx)
	must(t, err)
	groups, err := s.DirtyGroups(ctx, now, 0)
	must(t, err)
	var made []opsdb.Package
	for _, g := range groups {
		in, err := s.GroupFiles(ctx, g.ID)
		must(t, err)
		p, err := s.CloseGroup(ctx, g.ID, g.Version, 1, []opsdb.NewPackage{{Files: in}})
		must(t, err)
		made = append(made, p...)
	}
	return made
}

// grantOf makes an evaluation of a package as it is now, with one move, and returns a grant of it.
func grantOf(t testing.TB, s *Store, id opsdb.ID, m opsdb.OpenMove) opsdb.Grant {
	t.Helper()
	facts, err := s.Facts(t.Context(), []opsdb.ID{id})
	must(t, err)
	m.Package, m.Version = id, facts[0].Package.Version
	left, err := s.Save(t.Context(), 1, []opsdb.Evaluation{{Package: id, Version: m.Version, Moves: []opsdb.OpenMove{m}, Policies: map[string]opsdb.Policy{"a.s": {}}}})
	must(t, err)
	if len(left) > 0 {
		t.Fatalf("left out: %v", left)
	}
	return opsdb.Grant{Move: m, Path: "p", ClaimBy: time.Minute}
}

func assigned(t testing.TB, s *Store, id opsdb.ID, m opsdb.OpenMove) *opsdb.Assignment {
	t.Helper()
	out, err := s.Dispatch(t.Context(), 1, []opsdb.Grant{grantOf(t, s, id, m)})
	must(t, err)
	if out[0].Refusal != opsdb.Granted {
		t.Fatalf("refused: %+v", out[0])
	}
	a, err := s.Claim(t.Context(), out[0].Task.ID, "w", time.Minute)
	must(t, err)
	return a
}
