package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// killBytes is how much passes through while `dtctl serve` is killed: CDT_KILL_BYTES, or 200 MB; 10 MB a kill.
func killBytes(t *testing.T) int64 {
	t.Helper()
	s := os.Getenv("CDT_KILL_BYTES")
	if s == "" {
		return int64(kills()) * 10_000_000
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		t.Fatalf("CDT_KILL_BYTES=%q is no number of bytes", s)
	}
	return n
}

// killSeed is the seed of the moments: CDT_KILL_SEED, or a random one. It is logged.
func killSeed(t *testing.T) uint64 {
	t.Helper()
	if s := os.Getenv("CDT_KILL_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("CDT_KILL_SEED=%q is no number", s)
		}
		return n
	}
	return rand.Uint64() //nolint:gosec // moments, no secrets
}

// kills is how often the server is killed before it may finish.
func kills() int {
	if testing.Short() {
		return 3
	}
	return 20
}

// E1: killed at random moments while files appear, are packed, sent, archived
// and deleted, `dtctl serve` goes on each time it is started again: in the end
// every file is archived right, once, and every deletion was proved.
func TestServeKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	y, seed, total := newYard(t), killSeed(t), killBytes(t)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable on purpose
	t.Logf("CDT_KILL_SEED=%d CDT_KILL_BYTES=%d", seed, total)
	longest := 2500*time.Millisecond + time.Duration(total/int64(kills())/30)*time.Microsecond // so that most of it passes while it is killed
	began := time.Now()                                                                        //nolint:forbidigo // how long it took, for the log
	for life := range kills() {
		y.fill(fmt.Sprintf("obs%02d", life), total/int64(kills()), r)
		s := y.serve()
		after := 50*time.Millisecond + time.Duration(r.Int64N(int64(longest)))
		s.killAfter(after)
		t.Logf("life %2d: killed after %4d ms, %s", life+1, after.Milliseconds(), y.progress())
	}
	s := y.serve()
	y.waitUntilFinished(s)
	s.stop()
	report := y.check()
	t.Logf("%d files, %d bytes in %s: %d packages, %d events, %d tasks of which %d were tried again, notes: %d",
		report.Files, report.Bytes, time.Since(began).Round(time.Second), y.packages(), report.Events, len(y.tasks()), y.triedAgain(), len(report.Notes)) //nolint:forbidigo // as above
	for _, v := range report.Violations {
		t.Errorf("violation: %s", v)
	}
	for archive, n := range report.Archived {
		if n != report.Files {
			t.Errorf("%s has %d of %d files", archive, n, report.Files)
		}
	}
	if report.SourcesDeleted != report.Files {
		t.Errorf("%d of %d source files were deleted", report.SourcesDeleted, report.Files)
	}
	for location, n := range report.CopiesLeft {
		if n != 0 {
			t.Errorf("%s still has %d packages", location, n)
		}
	}
	if out, _ := dtctl(t, exitGood, "audit", "verify", "--db", y.db()); out == "" {
		t.Error("audit verify said nothing")
	}
}
