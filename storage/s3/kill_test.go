//go:build servers

package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver"
)

// killed names, in the environment of a re-executed test, the server and bucket it works in.
const killed = "CDT_TEST_KILLED_S3"

func attempt(token int64) storage.Attempt {
	return storage.Attempt{Task: "0192aaaa-0000-7000-8000-000000000001", Epoch: "e", Token: token}
}

// largeSize is a part and a bit: a multipart upload.
const largeSize = 5<<20 + 17

// work is what a store does to objects in their life. It can be done again after any crash, by the next attempt.
func work(ctx context.Context, s *Store, token int64) error {
	a := attempt(token)
	left, err := s.Leftovers(ctx, a.Task)
	if err != nil {
		return err
	}
	for _, old := range left {
		if err := s.Discard(ctx, old); err != nil {
			return err
		}
	}
	if left, err = s.Trashed(ctx, a.Task); err != nil {
		return err
	}
	for _, old := range left {
		if err := gone(s.Restore(ctx, old, "t.tar")); err != nil {
			return err
		}
	}
	for _, step := range []func() error{
		func() error {
			_, err := s.Put(ctx, storagetest.PutOf(a, "large.tar", storagetest.Bytes(largeSize, 1)))
			return err
		},
		func() error { return s.PutSmall(ctx, a, "large.json", []byte("{}")) },
		func() error { return deleteOne(ctx, s, a) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// deleteOne puts an object, restores it once and removes it, unless an earlier attempt came as far.
func deleteOne(ctx context.Context, s *Store, a storage.Attempt) error {
	if _, err := s.Stat(ctx, "done"); err == nil {
		return nil
	}
	if _, err := s.Put(ctx, storagetest.PutOf(a, "t.tar", []byte("trash"))); err != nil {
		return err
	}
	return errors.Join(s.Trash(ctx, "t.tar", a), s.Restore(ctx, a, "t.tar"), s.Trash(ctx, "t.tar", a), s.Purge(ctx, a), s.PutSmall(ctx, a, "done", nil))
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// TestKilledChild is the process that is killed.
func TestKilledChild(t *testing.T) {
	where := strings.Fields(os.Getenv(killed))
	if len(where) == 0 {
		return // TestKilledAtEveryEffect runs it
	}
	points, err := effect.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	srv := &testserver.S3Server{URL: where[0], Access: where[2], Secret: where[3]}
	if err := work(effect.With(t.Context(), points), open(t, srv, where[1], small), 1); err != nil {
		t.Fatal(err)
	}
}

func small(o *Options) { o.PartSize = 5 << 20 }

func child(t *testing.T, srv *testserver.S3Server, s *Store, env string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), killed+"="+strings.Join([]string{srv.URL, s.o.Bucket, srv.Access, srv.Secret}, " "), env)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "FAIL") {
		t.Fatalf("the child failed: %s", out)
	}
	return err
}

// TestKilledAtEveryEffect (E1): whatever the moment of the kill, a final name is whole, the next attempt comes to the
// same end, and nothing is left of the killed one.
func TestKilledAtEveryEffect(t *testing.T) {
	t.Parallel()
	srv := testserver.S3(t)
	log := filepath.Join(t.TempDir(), "log")
	if err := child(t, srv, bucket(t, srv, small), effect.Log+"="+log); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	points := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(points) < 40 {
		t.Fatalf("only %d effects: %q", len(points), points)
	}
	for i, point := range points {
		t.Run(fmt.Sprint(i+1, " ", point), func(t *testing.T) {
			t.Parallel()
			s := bucket(t, srv, small)
			if err := child(t, srv, s, fmt.Sprintf("%s=%d", effect.Kill, i+1)); err == nil {
				t.Fatal("the child survived its kill")
			}
			wholeOrAbsent(t, s)
			if err := work(t.Context(), s, 2); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Reclaim(t.Context(), 0, nil); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(srv.Objects(s.o.Bucket)); got != "["+opsdb.MarkerName+" done large.json large.tar]" {
				t.Errorf("there is %s", got)
			}
			if left := srv.Uploads(s.o.Bucket); len(left) > 0 {
				t.Errorf("uploads are left: %q", left)
			}
		})
	}
}

// wholeOrAbsent reads whatever has a final name.
func wholeOrAbsent(t *testing.T, s *Store) {
	t.Helper()
	sizes := map[string]int64{"large.tar": largeSize, "large.json": 2, "t.tar": 5, "done": 0}
	for info, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Read(t.Context(), info.Path, true, nil)
		if want, known := sizes[info.Path]; err != nil || !known || r.Size != want {
			t.Errorf("%s is %+v, %v", info.Path, r, err)
		}
	}
}
