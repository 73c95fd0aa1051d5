package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

func TestOpenAgainKeepsEpoch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c%#.db")
	var epochs []string
	for range 2 {
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		w, err := s.World(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		epochs = append(epochs, w.Epoch)
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.World(t.Context()); err == nil {
			t.Fatal("a closed store answers")
		}
	}
	if epochs[0] == "" || epochs[0] != epochs[1] {
		t.Fatalf("epochs %q", epochs)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want error
	}{
		"older schema, to be kept": {func(t *testing.T, path string) {
			s, err := Open(t.Context(), path, Options{})
			must(t, err)
			must(t, s.Close())
			execute(t, path, `DELETE FROM schema_version WHERE version_id > 1`)
		}, opsdb.ErrOlder},
		"nothing, to be kept": {func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o644)) }, opsdb.ErrOlder},
		"text": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("no database\n", 1000)), 0o644))
		}, ErrNotDatabase},
		"folder":          {func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o755)) }, ErrNotDatabase},
		"another program": {func(t *testing.T, path string) { execute(t, path, `CREATE TABLE mine (x)`) }, ErrNotDatabase},
		"no folder":       {func(t *testing.T, path string) { must(t, os.Remove(filepath.Dir(path))) }, os.ErrNotExist},
		"newer schema": {func(t *testing.T, path string) {
			s, err := Open(t.Context(), path, Options{})
			must(t, err)
			must(t, s.Close())
			execute(t, path, `INSERT INTO schema_version (version_id, is_applied) VALUES (9999, 1)`)
		}, opsdb.ErrNewer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x", "cdt.db")
			must(t, os.Mkdir(filepath.Dir(path), 0o755))
			c.make(t, path)
			s, err := Open(t.Context(), path, Options{Keep: c.want == opsdb.ErrOlder}) //nolint:errorlint // a case of the table
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("opened: %v", err)
			}
			if s != nil {
				t.Fatal("a store and an error")
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// execute changes a database behind the store's back.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	must(t, errors.Join(err, db.Close()))
}

func TestServeLock(t *testing.T) {
	t.Parallel()
	first := openAt(t, clock.System{})
	release, err := first.Serve(t.Context())
	must(t, err)
	second, err := Open(t.Context(), first.path, Options{}) // other processes may read and write
	must(t, err)
	defer func() { must(t, second.Close()) }()
	if _, err := second.Serve(t.Context()); !errors.Is(err, opsdb.ErrLocked) || !strings.Contains(err.Error(), "process") {
		t.Fatalf("served twice: %v", err)
	}
	release()
	release()
	again, err := second.Serve(t.Context())
	must(t, err)
	again()
}

// What another process writes is told within a moment, and so is what this one writes.
func TestChanged(t *testing.T) {
	t.Parallel()
	here := openAt(t, clock.System{})
	there, err := Open(t.Context(), here.path, Options{})
	must(t, err)
	defer func() { must(t, there.Close()) }()
	drain(here)
	wait, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for i, s := range []*Store{here, there} {
		_, _, err := s.FileFiles(t.Context(), []opsdb.File{{Location: "a.b", Path: string(rune('a' + i))}})
		must(t, err)
		select {
		case <-here.Changed():
		case <-wait.Done():
			t.Fatalf("store %d wrote and nobody told", i)
		}
	}
}

func drain(s *Store) {
	s.look()
	select {
	case <-s.Changed():
	default:
	}
}

// Progress, workers and the chain are no news for the engine.
func TestQuiet(t *testing.T) {
	t.Parallel()
	s := openAt(t, clock.System{})
	must(t, s.Present(t.Context(), opsdb.Worker{ID: "w"}))
	_, _, err := s.FileFiles(t.Context(), []opsdb.File{{Location: "a.b", Path: "c"}})
	must(t, err)
	drain(s)
	must(t, s.Present(t.Context(), opsdb.Worker{ID: "w"}))
	_, err = s.Chain(t.Context())
	must(t, err)
	must(t, s.Tick(t.Context(), time.Second, false))
	s.look()
	select {
	case <-s.Changed():
		t.Fatal("woken for nothing")
	default:
	}
}
