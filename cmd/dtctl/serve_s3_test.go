//go:build servers

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/testserver"
)

// bucketYard is a yard whose lab.lta is a bucket behind a proxy that can fail.
func bucketYard(t *testing.T) (*yard, *testserver.S3Server, *testserver.FaultyS3, string) {
	t.Helper()
	srv := testserver.S3(t)
	srv.Bucket("ccat-raw", false)
	proxy := srv.Faulty(t)
	s3 := fmt.Sprintf("s3: {endpoint: %q, bucket: ccat-raw, prefix: raw, credentials: LAB_LTA}", proxy.URL)
	y := newYardOf(t, strings.Replace(yardRoutes, "disk: {path: ROOT/lab-lta}", s3, 1))
	y.objects = map[string]check.Objects{"lab.lta": check.Bucket(srv.Client(srv.Access, srv.Secret), "ccat-raw", "raw")}
	keys := filepath.Join(y.root, "credentials.yaml")
	y.keys(keys, srv.Access, srv.Secret)
	return y, srv, proxy, keys
}

func (y *yard) keys(file, access, secret string) {
	y.t.Helper()
	if err := os.WriteFile(file, fmt.Appendf(nil, "LAB_LTA: {access_key: %s, secret_key: %s}\n", access, secret), 0o600); err != nil {
		y.t.Fatal(err)
	}
}

// An archive in a bucket, end to end: killed at random moments of uploads, with a server that asks to slow down, fails
// and drops connections. In the end every file is archived right, its sidecar is there, the source is free,
// and nothing half-written or begun is left.
func TestServeArchivesInABucket(t *testing.T) {
	t.Parallel()
	y, srv, proxy, keys := bucketYard(t)
	seed := killSeed(t)
	t.Logf("CDT_KILL_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable on purpose
	var n atomic.Int64
	proxy.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
		switch i := n.Add(1); {
		case i%100 < 4:
			return testserver.Answer(w, http.StatusServiceUnavailable, "SlowDown")
		case i%31 == 0:
			return testserver.Answer(w, http.StatusInternalServerError, "InternalError")
		case i%43 == 0:
			panic(http.ErrAbortHandler)
		}
		return false
	})
	const lives = 6
	for life := range lives {
		y.fill(fmt.Sprintf("obs%02d", life), 20_000_000, r)
		s := y.serve("--credentials", keys)
		s.killAfter(2*time.Second + time.Duration(r.Int64N(int64(3*time.Second))))
		t.Logf("life %d: %s, %d uploads begun", life+1, y.progress(), len(srv.Uploads("ccat-raw")))
	}
	s := y.serve("--credentials", keys)
	y.waitUntilFinished(s)
	s.stop()
	y.right()
	st, err := node.Open(y.graph.Locations["lab.lta"], "", clock.System{}, node.Credentials{Path: keys})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Reclaim(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
	if left := srv.Uploads("ccat-raw"); len(left) > 0 {
		t.Errorf("uploads are left: %q", left)
	}
	tars, sidecars := 0, 0
	for _, key := range srv.Objects("ccat-raw") {
		switch {
		case strings.HasSuffix(key, ".tar"):
			tars++
		case strings.HasSuffix(key, ".json") && !strings.HasSuffix(key, ".cdt-location.json"):
			sidecars++
		case !strings.HasSuffix(key, ".cdt-location.json"):
			t.Errorf("%s is left", key)
		}
	}
	if tars == 0 || tars != sidecars {
		t.Errorf("%d tars, %d sidecars", tars, sidecars)
	}
}

// right lets the checker judge the whole.
func (y *yard) right() {
	y.t.Helper()
	report := y.check()
	y.t.Logf("%d files, %d bytes, %d packages, %d events, %d tasks tried again", report.Files, report.Bytes, y.packages(), report.Events, y.triedAgain())
	for _, v := range report.Violations {
		y.t.Errorf("violation: %s", v)
	}
	for _, archive := range []string{"lab.lta", "cellar.lta"} {
		if report.Archived[archive] != report.Files || report.Files != len(y.truth) {
			y.t.Errorf("%s has %d of %d files", archive, report.Archived[archive], len(y.truth))
		}
	}
	if report.SourcesDeleted != report.Files {
		y.t.Errorf("%d of %d source files were deleted", report.SourcesDeleted, report.Files)
	}
}

// A bucket that is not there and keys that are wrong are told by init-location and doctor, with what to do and
// without the keys; what a server refuses while CDT runs is told by doctor and why, and heals by itself.
func TestServeTellsOfARefusingBucket(t *testing.T) {
	t.Parallel()
	y, srv, proxy, keys := bucketYard(t)
	y.keys(keys, srv.Access, "wrong-and-secret")
	args := []string{"--db", y.db(), "--routes", y.routes(), "--credentials", keys}
	y.says(append([]string{"init-location", "lab.lta"}, args...), "credentials LAB_LTA are wrong")
	if err := os.Chmod(keys, 0o644); err != nil {
		t.Fatal(err)
	}
	y.says(append([]string{"init-location", "lab.lta"}, args...), "chmod 600")
	if err := os.Chmod(keys, 0o600); err != nil {
		t.Fatal(err)
	}
	y.keys(keys, srv.Access, srv.Secret)
	proxy.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
		return testserver.Answer(w, http.StatusNotFound, "NoSuchBucket")
	})
	y.says(append([]string{"init-location", "lab.lta"}, args...), "make the bucket ccat-raw")
	proxy.Fault(nil)
	y.fill("obs", 12_000_000, rand.New(rand.NewPCG(1, 0))) //nolint:gosec // repeatable on purpose
	s := y.serve("--credentials", keys)
	s.waitFor(`"location":"lab.lta"`)
	proxy.Fault(func(w http.ResponseWriter, _ *http.Request) bool {
		return testserver.Answer(w, http.StatusForbidden, "AccessDenied")
	})
	y.until(s, func() bool {
		out, _ := dtctl(t, exitGood, "packages", "--db", y.db(), "-o", "json")
		var v struct{ Packages []packageJSON }
		if json.Unmarshal([]byte(out), &v) != nil || len(v.Packages) == 0 {
			return false
		}
		why, _ := dtctl(t, exitGood, "why", v.Packages[0].Name, "--db", y.db())
		return strings.Contains(why, "give them the right to list, read, write") || strings.Contains(why, "refuses the credentials LAB_LTA")
	})
	y.says(append([]string{"doctor"}, "--db", y.db(), "--credentials", keys), "look at the credentials LAB_LTA")
	proxy.Fault(nil)
	y.waitUntilFinished(s)
	s.stop()
	y.right()
}

// says runs dtctl, which must find something wrong and say so, but no secret.
func (y *yard) says(args []string, text string) {
	y.t.Helper()
	out, errs := dtctl(y.t, exitFound, args...)
	if all := out + errs; !strings.Contains(all, text) || strings.Contains(all, "wrong-and-secret") {
		y.t.Errorf("%v says\n%s\nwithout %q, or with a secret", args, all, text)
	}
}

// until polls while the server runs.
func (y *yard) until(s *served, ok func() bool) {
	y.t.Helper()
	limit := time.After(10 * time.Minute)
	for look := time.NewTicker(500 * time.Millisecond); !ok(); {
		select {
		case <-look.C:
		case <-s.done:
			y.t.Fatalf("serve ended by itself: %v\n%s", s.err, s.log())
		case <-limit:
			y.t.Fatalf("it does not come\n%s", s.log())
		}
	}
}
