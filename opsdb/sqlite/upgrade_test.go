package sqlite

import (
	"context"
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/ccatobs/cdt/opsdb"
)

// firstSchema is the last migration of the schema that was there first.
const firstSchema = 3

// A database of the first schema with a package, its copies and an open task is brought up to this version when it is opened,
// and goes on: what was there is there, the counters fit, and new files are packed under the next number.
func TestUpgradeFromTheFirstSchema(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "cdt.db")
	oldDatabase(t, path)
	s, err := Open(ctx, path, Options{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	defer s.Close() //nolint:errcheck // a test's
	w, err := s.World(ctx)
	must(err)
	if w.Epoch != "first" || w.Revision != 1 || w.Restored != nil || len(w.Locations) != 3 || w.Locations["a.b"].Used != 500 {
		t.Errorf("world: %+v", w)
	}
	p, err := s.FindPackage(ctx, "raw/7")
	must(err)
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	must(err)
	if p.Digest != "dd" || len(facts) != 1 || len(facts[0].Copies) != 2 || len(facts[0].Tasks) != 1 {
		t.Fatalf("package: %+v, %+v", p, facts)
	}
	must(s.Present(ctx, opsdb.Worker{ID: "w", Sites: []string{"a"}}))
	must(s.RevokeLeases(ctx)) // as every start does
	a, err := s.Claim(ctx, "task1", "w", time.Minute)
	must(err)
	_, err = s.Finish(ctx, a.Task.ID, a.Task.Token, opsdb.Outcome{Receipts: []opsdb.Receipt{{Package: p.ID, Location: "a.b", Path: "raw/o/p.tar", Digest: "dd", Size: 500}}})
	must(err)
	f := opsdb.File{ID: opsdb.NewID(), Location: "a.s", Path: "o/2", Size: 9, ModTime: time.Unix(2, 0)}
	_, _, err = s.FileFiles(ctx, []opsdb.File{f})
	must(err)
	must(s.Route(ctx, []opsdb.ID{f.ID}, []opsdb.Routing{{File: f.ID, Route: "raw", Stage: "pack", Key: "k"}}))
	now, err := s.Now(ctx)
	must(err)
	groups, err := s.DirtyGroups(ctx, now, 0)
	must(err)
	made, err := s.CloseGroup(ctx, groups[0].ID, groups[0].Version, 1, []opsdb.NewPackage{{Package: opsdb.Package{ID: opsdb.NewID(), Destination: "a.b"}, Files: []opsdb.File{f}}})
	must(err)
	if made[0].Number != 8 {
		t.Errorf("the next package has number %d", made[0].Number)
	}
	_, err = s.Chain(ctx)
	must(err)
	if c, err := s.VerifyChain(ctx); err != nil || c.Broken != 0 || c.Events == 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// oldDatabase makes a database of the first schema, filled as its program did.
func oldDatabase(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sub, goose.WithTableName("schema_version"), goose.WithLogger(goose.NopLogger()))
	if err == nil {
		_, err = p.UpTo(context.WithoutCancel(t.Context()), firstSchema)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO opsdb (one, epoch, made_at, observed, ticked, revision, stages) VALUES (1, 'first', 1, 1, 1, 1, '["raw/pack/a.s"]')`,
		`INSERT INTO revision (number, digest, text, who, why, at) VALUES (1, 'r', '{}', 'ada', '', 1)`,
		`INSERT INTO site (name, title, state, seen_at, up, active) VALUES ('a', '', '', 1, 0, 1)`,
		`INSERT INTO location (name, type, storage, active) VALUES ('a.s', 'source', 'disk', 1), ('a.b', 'buffer', 'disk', 1), ('a.l', 'long_term_archive', 'disk', 1)`,
		`INSERT INTO file (id, location, path, size, mod_time, identity, digest, instrument, observation, module, program, tags, state, filed_at, version, routed, homes)
		  VALUES ('file1', 'a.s', CAST('o/1' AS BLOB), 100, 1, '1:1', '', 'cam', 'o', 'm', '', '[]', 'present', 1, 1, 1, 1)`,
		`INSERT INTO registered (location, count, bytes) VALUES ('a.s', 1, 100) ON CONFLICT DO UPDATE SET count = 1, bytes = 100`,
		`INSERT INTO route_number (route, last) VALUES ('raw', 7)`,
		`INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size, digest, manifest, instrument, observation, module, program, tags, made_at, made_age, first_filed)
		  VALUES ('pack1', 'raw', 'pack', 7, 'raw-o-m-7-pack1', 'raw/o', '', 'a.s', 'a.b', 1, 100, 500, 'dd', 'mm', 'cam', 'o', 'm', '', '[]', 1, 1, 1)`,
		`INSERT INTO member (package, path, file, name, size, mod_time, identity, digest) VALUES (1, CAST('o/1' AS BLOB), 1, 'data/o/1', 100, 1, '1:1', 'ff')`,
		`INSERT INTO copy (id, package, location, form, path, state, size) VALUES ('copy1', 'pack1', 'a.s', 'files', x'', 'present', 100), ('copy2', 'pack1', 'a.b', 'tar', CAST('raw/o/p.tar' AS BLOB), 'present', 500)`,
		`INSERT INTO task (id, route, stage, type, package, from_loc, to_loc, link, send_site, receive_site, piece, state, class, priority, bytes, revision, epoch, token, claim_by, lease_until, worker,
		    source_copy, target_copy, form, path, expect, created_at, updated_at)
		  VALUES ('task1', 'raw', 'scrub', 'verify', 'pack1', 'a.b', 'a.b', '', 'a', 'a', 'whole', 'in_progress', 'new', 0, 500, 1, 'first', 1, 120000000, 1, 'old',
		    'copy2', 'copy2', 'tar', CAST('raw/o/p.tar' AS BLOB), 'present', 1, 1)`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
