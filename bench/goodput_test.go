//go:build servers

package bench_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/clock"
	sites "github.com/ccatobs/cdt/examples/three-sites/lab"
	"github.com/ccatobs/cdt/examples/three-sites/machine"
	"github.com/ccatobs/cdt/examples/three-sites/router"
	"github.com/ccatobs/cdt/opsdb"
)

// The ocean of BenchmarkGoodput.
const (
	oceanRate = 200_000_000
	oceanWay  = 100 * time.Millisecond
	// atOnce is how many sends share a line, and together how many packages go in one: while one looks for what is there
	// and records what arrived, the packages of others fill the line.
	atOnce, together = "3", "3"
	// begin is how many packets a connection begins with, as docs/operations/bbcp.md advises for such a line: two thirds of a window.
	begin = 100
)

// BenchmarkGoodput brings a mix of 2 GB (CDT_BENCH_BYTES: another amount) over a line of 200 Mbit/s with a round
// trip of 200 ms, from files at the telescope to copies that were read back in both archives, and prints the bytes
// of the files per second as a share of the line: undisturbed, and with five cuts of 60 s (CDT_BENCH_CUTS, CDT_BENCH_CUT:
// others) as a share of what the line could have carried while it was whole. Beside it, on the same line, stand
// `rsync -W` with one call for everything and with one call for each file; they verify nothing and reach one site.
// For bbcp the machine must allow windows of 1.4 MB (net.core.rmem_max and wmem_max, docs/operations/bbcp.md).
// CDT_BENCH_TRANSPORT: rsync or bbcp over the ocean; bbcp where it is installed. CDT_BENCH_AT_ONCE and CDT_BENCH_BATCH: other
// numbers of sends at once and packages in one; CDT_BENCH_ALONE: without rsync beside it.
func BenchmarkGoodput(b *testing.B) {
	bytes := int64(number(b, "CDT_BENCH_BYTES", 2_000_000_000))
	b.Run("steady", func(b *testing.B) {
		for range b.N {
			o := newOcean(b, bytes)
			ours := o.carry(nil)
			fmt.Printf("%s: CDT by %s %.3f of the line\n", b.Name(), o.transport, ours)
			if os.Getenv("CDT_BENCH_ALONE") != "" {
				continue
			}
			all, each := o.rsync()
			fmt.Printf("%s: CDT by %s %.3f of the line, rsync -W %.3f in one call, %.3f in a call for each file\n", b.Name(), o.transport, ours, all, each)
			b.ReportMetric(ours, "of-line")
			b.ReportMetric(all, "rsync-of-line")
			b.ReportMetric(each, "rsync-each-of-line")
		}
	})
	b.Run("cuts", func(b *testing.B) {
		cut := time.Minute
		if text := os.Getenv("CDT_BENCH_CUT"); text != "" {
			var err error
			if cut, err = time.ParseDuration(text); err != nil {
				b.Fatal(err)
			}
		}
		cuts := number(b, "CDT_BENCH_CUTS", 5)
		for range b.N {
			o := newOcean(b, bytes)
			ours := o.carry(o.cutAt(cuts, cut))
			fmt.Printf("%s: CDT by %s %.3f of what the line could carry between %d cuts of %s\n", b.Name(), o.transport, ours, cuts, cut)
			b.ReportMetric(ours, "of-available")
		}
	})
}

// ocean is three sites with a long line between them.
type ocean struct {
	*testing.B
	*sites.Lab
	transport string
	bytes     int64
	made      []check.Original
}

// plainDir is where rsync finds the same files, beside CDT's locations.
const plainDir = "plain"

func newOcean(b *testing.B, bytes int64) *ocean {
	b.Helper()
	text, err := os.ReadFile("../examples/three-sites/routes.yaml")
	if err != nil {
		b.Fatal(err)
	}
	transport := os.Getenv("CDT_BENCH_TRANSPORT")
	if _, err := exec.LookPath("bbcp"); transport == "" && err == nil {
		transport = "bbcp"
	} else if transport == "" {
		transport = "rsync"
	}
	routes := strings.NewReplacer("at_once: 3", "at_once: "+cmp.Or(os.Getenv("CDT_BENCH_AT_ONCE"), atOnce), "{by: stable, after: 1s}", `{by: rename}, ignore: ["filling/**"]`, "200MB", "64MB", "MB(200)", "MB(64)", "group.idle >= seconds(3)", "group.idle >= seconds(2)",
		"buffer:   {type: buffer, disk: {path: /srv/buffer}}", "buffer:   {type: buffer, disk: {path: /srv/buffer}, ahead: 4GB}", // all sends have packages to take
		"        choose: order\n", "        choose: order\n        batch: {max_packages: "+cmp.Or(os.Getenv("CDT_BENCH_BATCH"), together)+"}\n").Replace(string(text))
	far := router.Line{Delay: oceanWay, Rate: oceanRate}
	o := &ocean{B: b, transport: transport, bytes: bytes, Lab: sites.New(b, sites.Options{Routes: routes, Transport: transport, Ocean: far, Land: router.Line{Delay: time.Millisecond}, Begin: begin})}
	o.Engine()
	for _, site := range sites.Sites() {
		o.Work(site, "--scan", "500ms", "--at-once", "16,package=1") // packing is many times as fast as the line
	}
	o.made = o.Fill("filling/obs1", bytes, 100_000_000, 1)
	o.Must(os.MkdirAll(o.Disk(sites.CCAT, plainDir), 0o755))
	for _, m := range o.made {
		to := o.Disk(sites.CCAT, plainDir, filepath.Base(filepath.Dir(m.Path))+"-"+filepath.Base(m.Path))
		o.Must(os.Link(filepath.Join(o.Folder(sites.Source), m.Path), to))
	}
	return o
}

// carry shows CDT the files and returns the share of the line it made use of; cut, if there is one, cuts it.
func (o *ocean) carry(cut func() time.Duration) float64 {
	o.B.Helper()
	var away time.Duration
	o.Must(beforeOthers())
	tell := o.watch()
	passed := clock.Monotonic()
	o.Must(os.Rename(filepath.Join(o.Folder(sites.Source), "filling", "obs1"), filepath.Join(o.Folder(sites.Source), "obs1")))
	if cut != nil {
		away = cut()
	}
	o.Await("everything is in both archives", away+time.Duration(o.bytes/1_000_000)*time.Second+5*time.Minute, func() (bool, error) {
		facts, err := o.Store.Packages(o.B.Context(), opsdb.Query{Limit: math.MaxInt32})
		var there int64
		for _, f := range facts {
			archived := 0
			for _, c := range f.Copies {
				if c.State == opsdb.Present && o.Graph.Locations[c.Location].Type == opsdb.Archive {
					archived++
				}
			}
			if archived == 2 {
				there += f.Package.Bytes
			}
		}
		return there >= o.bytes, err
	})
	took := passed()
	tell()
	for _, to := range []string{sites.Cologne, sites.Cornell} {
		c, err := o.Router.Count(sites.CCAT, to)
		o.Must(err)
		fmt.Printf("%s: ccat>%s carried %.1f MB, dropped %.1f, cut off %.1f\n", o.B.Name(), to, float64(c.Carried.Bytes)/1e6, float64(c.Dropped.Bytes)/1e6, float64(c.Cut.Bytes)/1e6)
	}
	fmt.Printf("%s: %d MB in %d files took %.1f s, %.1f s of them cut; load %s\n", o.B.Name(), o.bytes/1e6, len(o.made), took.Seconds(), away.Seconds(), busy())
	return o.share(o.bytes, took-away)
}

// busy is how many processes wanted a processor in the last one, five and fifteen minutes; a busy machine makes every figure low.
func busy() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// beforeOthers lets this process, and with it the router, have a processor before those that run already: the devices of a line do
// not stand still while the hosts are busy, and what piled up meanwhile would then be more than its queue holds.
func beforeOthers() error {
	threads, err := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		id, bad := strconv.Atoi(t.Name())
		if bad == nil {
			bad = unix.Setpriority(unix.PRIO_PROCESS, id, -10)
		}
		if !errors.Is(bad, unix.ESRCH) {
			err = errors.Join(err, bad)
		}
	}
	return err
}

func (o *ocean) carried(to string) int64 {
	c, err := o.Router.Count(sites.CCAT, to)
	if err != nil {
		return 0
	}
	return c.Carried.Bytes
}

func (o *ocean) share(bytes int64, took time.Duration) float64 {
	return float64(bytes) * 8 / took.Seconds() / oceanRate
}

// cutAt cuts both lines over the ocean, evenly over the time that the bytes need.
func (o *ocean) cutAt(cuts int, lasting time.Duration) func() time.Duration {
	return func() time.Duration {
		open := time.Duration(float64(o.bytes) * 8 / oceanRate / float64(cuts+1) * float64(time.Second))
		for i := range cuts {
			at := time.Duration(i+1)*open + time.Duration(i)*lasting
			for _, to := range []string{sites.Cologne, sites.Cornell} {
				o.Must(o.Router.CutAt(sites.CCAT, to, at, lasting))
			}
		}
		return time.Duration(cuts) * lasting
	}
}

// few is how many files one call for each is tried with.
const few = 10

// rsync sends the same files over the same line, in one call and, some of them, in a call for each.
func (o *ocean) rsync() (all, each float64) {
	o.B.Helper()
	o.Must(os.MkdirAll(o.Disk(sites.Cologne, plainDir), 0o755))
	o.Must(os.MkdirAll(o.Disk(sites.Cologne, "each"), 0o755))
	send := func(from, to string) time.Duration {
		e := machine.Disks + "/etc/"
		cmd := exec.Command("rsync", "-W", "-r", "-e", "ssh -oBatchMode=yes -i "+e+"key -oUserKnownHostsFile="+e+"known_hosts", from, "root@"+sites.Address(sites.Cologne)+":"+to) //nolint:noctx // it ends with its machine
		passed := clock.Monotonic()
		_, err := o.Machine(sites.CCAT).Run(cmd)
		o.Must(err)
		return passed()
	}
	all = o.share(o.bytes, send(machine.Disks+"/"+plainDir+"/", machine.Disks+"/"+plainDir+"/"))
	var bytes int64
	var took time.Duration
	for i := 0; i < len(o.made); i += max(1, len(o.made)/few) {
		m := o.made[i]
		took += send(machine.Disks+"/"+plainDir+"/"+filepath.Base(filepath.Dir(m.Path))+"-"+filepath.Base(m.Path), machine.Disks+"/each/")
		bytes += m.Size
	}
	return all, o.share(bytes, took)
}
