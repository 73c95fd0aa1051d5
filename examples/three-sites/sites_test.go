//go:build servers

package threesites_test

import (
	_ "embed"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/examples/three-sites/lab"
	"github.com/ccatobs/cdt/examples/three-sites/router"
)

//go:embed routes.yaml
var routes string

// Seeded random files go from the telescope to both archives, over rsync and,
// where bbcp is installed, over bbcp; the independent checker finds nothing wrong.
// CDT_SITES_BYTES and CDT_SITES_LARGEST: another amount, and largest file.
// CDT_SITES_TRANSPORT: one transport only. CDT_SITES_STAY: a file; the sites stay as long as it is there.
func TestThreeSites(t *testing.T) {
	for _, transport := range transports() {
		t.Run(transport, func(t *testing.T) {
			total, largest := number(t, "CDT_SITES_BYTES", 30_000_000), number(t, "CDT_SITES_LARGEST", 8_000_000)
			l := lab.New(t, lab.Options{Routes: routes, Transport: transport,
				Ocean: router.Line{Delay: 20 * time.Millisecond, Rate: 400_000_000}, Land: router.Line{Delay: 2 * time.Millisecond}})
			engine := l.Engine("--sweep", "2s", "--claim-by", "20s")
			var workers []*lab.Process
			for _, site := range lab.Sites() {
				workers = append(workers, l.Work(site, "--scan", "1s"))
			}
			made := l.Fill("obs1", total, largest, 1)
			t.Logf("three sites are up, %d files lie at the telescope; look at them with: %s status --db '%s'", len(made), l.Program, l.URL)
			l.Finished(made, 3*time.Minute+time.Duration(total/2_000_000)*time.Second)
			stay(t)
			for _, w := range workers {
				w.Stop()
			}
			engine.Stop()
			judge(t, l, made)
			oneCrossing(t, l, total)
		})
	}
}

func transports() []string {
	if one := os.Getenv("CDT_SITES_TRANSPORT"); one != "" {
		return []string{one}
	}
	if _, err := exec.LookPath("bbcp"); err != nil {
		return []string{"rsync"}
	}
	return []string{"rsync", "bbcp"}
}

func number(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// stay waits as long as the file of CDT_SITES_STAY is there.
func stay(t *testing.T) {
	file := os.Getenv("CDT_SITES_STAY")
	if file == "" {
		return
	}
	t.Logf("everything is archived; the sites stay until %s is removed", file)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := os.Stat(file); err != nil {
			return
		}
	}
}

func judge(t *testing.T, l *lab.Lab, made []check.Original) {
	t.Helper()
	report := l.Check(made)
	for _, v := range report.Violations {
		t.Errorf("violation %s: %s: %s", v.Rule, v.Subject, v.Text)
	}
	t.Logf("%d violations; files in the archives: %v of %d; %d source files were deleted", len(report.Violations), report.Archived, len(made), report.SourcesDeleted)
	for _, archive := range []string{"cologne.lta", "cornell.lta"} {
		if report.Archived[archive] != len(made) {
			t.Errorf("%d of %d files are in %s", report.Archived[archive], len(made), archive)
		}
	}
	if report.SourcesDeleted != len(made) {
		t.Errorf("%d of %d source files were deleted", report.SourcesDeleted, len(made))
	}
}

// oneCrossing wants every byte to have crossed the ocean once: what tars, TCP and talk add aside.
func oneCrossing(t *testing.T, l *lab.Lab, total int64) {
	t.Helper()
	var crossed int64
	for _, to := range []string{lab.Cologne, lab.Cornell} {
		c, err := l.Router.Count(lab.CCAT, to)
		l.Must(err)
		crossed += c.Carried.Bytes
	}
	const small = 3_000_000 // handshakes, and tars of little files
	t.Logf("%d bytes crossed the ocean for %d of data", crossed, total)
	if crossed > total*103/100+small {
		t.Errorf("%d bytes crossed the ocean for %d of data", crossed, total)
	}
}
