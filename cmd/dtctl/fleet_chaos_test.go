//go:build servers

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// member is a place in the fleet that a process takes, again and again.
type member struct {
	name    string
	begin   func() *served
	proc    *served
	back    time.Time // when a stopped process goes on; zero: it is not stopped
	exits   int       // how often it ended by itself
	stopped int
}

// chaos is trouble for a fleet.
type chaos struct {
	*fleet
	members  []*member
	rand     *rand.Rand
	lease    time.Duration
	postgres *testserver.PostgresServer
	redis    *testserver.RedisServer
	restarts int
}

// kill ends a process without a word; a new one takes its place at once.
func (c *chaos) kill() string {
	m := c.members[c.rand.IntN(len(c.members))]
	_ = m.proc.cmd.Process.Kill()
	<-m.proc.done
	m.proc, m.back = m.begin(), time.Time{}
	return "killed " + m.name
}

// freeze stops a process for longer than its lease.
func (c *chaos) freeze() string {
	moving := slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return !m.back.IsZero() })
	if len(moving) == 0 {
		return "all stand still already"
	}
	m := moving[c.rand.IntN(len(moving))]
	_ = m.proc.cmd.Process.Signal(syscall.SIGSTOP)
	m.back = now().Add(c.lease + 2*time.Second)
	m.stopped++
	return "stopped " + m.name
}

// crash kills a server process of PostgreSQL: it drops every connection,
// recovers from its log and begins anew.
func (c *chaos) crash() string {
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url)
	if err != nil {
		return "PostgreSQL is still away"
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := syscall.Kill(int(conn.PgConn().PID()), syscall.SIGKILL); err != nil {
		c.t.Fatalf("crash PostgreSQL: %v", err)
	}
	return "crashed PostgreSQL"
}

// restart stops PostgreSQL, as in a crash or in order by turns, and starts it again on its data a
// moment later; meanwhile a process is killed, and the one in its place finds no database.
func (c *chaos) restart() string {
	mode := testserver.StopImmediate
	if c.restarts++; c.restarts%2 == 0 {
		mode = testserver.StopFast
	}
	c.postgres.Stop(mode)
	killed := c.kill()
	c.pause(time.Duration(c.rand.IntN(4000)) * time.Millisecond)
	c.postgres.Start()
	return "restarted PostgreSQL (" + mode + "), and meanwhile " + killed
}

// forget has Redis lose everything, or be away for a while.
func (c *chaos) forget() string {
	if c.rand.IntN(2) == 0 && c.redis.Flush() {
		return "flushed Redis"
	}
	c.redis.Kill()
	c.pause(time.Duration(c.rand.IntN(2000)) * time.Millisecond)
	c.redis.Start()
	return "stopped and started Redis"
}

// mend lets stopped processes go on when it is time, and starts again what ended by itself.
func (c *chaos) mend(all bool) {
	for _, m := range c.members {
		if !m.back.IsZero() && (all || now().After(m.back)) {
			_ = m.proc.cmd.Process.Signal(syscall.SIGCONT)
			m.back = time.Time{}
		}
		select {
		case <-m.proc.done:
			c.t.Logf("%s ended by itself: %v\n%s", m.name, m.proc.err, tail(m.proc.log()))
			m.exits++
			m.proc = m.begin()
		default:
		}
	}
}

func now() time.Time { return time.Now() } //nolint:forbidigo // of the test's own doings

// E1-E4: engines and workers are killed and stopped for longer than their leases, PostgreSQL crashes and is restarted,
// Redis forgets and is away; in the end every file is archived once, every deletion was proved, and no late result counted.
func TestFleetInChaos(t *testing.T) {
	t.Parallel()
	seed := sizeFrom(t, "CDT_CHAOS_SEED", int64(rand.Uint32()))
	total, largest := sizeFrom(t, "CDT_FLEET_BYTES", lessIfShort(100_000_000)), sizeFrom(t, "CDT_FLEET_LARGEST", 16_000_000)
	t.Logf("CDT_CHAOS_SEED=%d CDT_FLEET_BYTES=%d", seed, total)
	c := newChaos(t, seed)
	acts := c.acts()
	for i, act := range acts {
		share := max(total/2/int64(len(acts)), 1)
		if i%tenth == 0 { // or no file could be large
			share *= tenth + 1
		}
		c.fill(fmt.Sprintf("obs%03d", i), share, largest, c.rand)
		c.pause(time.Duration(200+c.rand.IntN(1800)) * time.Millisecond)
		t.Logf("%3d: %s", i, act())
	}
	c.mend(true)
	c.until("everything is archived and cleaned up", 4*time.Minute+time.Duration(total/5_000_000)*time.Second, func(ctx context.Context, s looker) (bool, error) {
		c.mend(false)
		return c.finished(ctx, s)
	})
	for _, m := range c.members {
		m.proc.stop()
		if m.exits > 0 {
			t.Errorf("%s ended by itself %d times", m.name, m.exits)
		}
	}
	c.said()
	c.check()
	c.archivedOnce()
	dtctl(t, exitGood, "audit", "verify", "--db", c.url)
	c.triedAgain()
}

// tenth is after how many troubles an observation is a large one.
const tenth = 10

// lessIfShort is a fifth of n, rounded up, with -short.
func lessIfShort(n int64) int64 {
	if testing.Short() {
		return (n + 4) / 5
	}
	return n
}

// acts are all the trouble of a run, in any order.
func (c *chaos) acts() (acts []func() string) {
	for _, kind := range []struct {
		name  string
		times int64
		do    func() string
	}{
		{"CDT_CHAOS_KILLS", 15, c.kill}, {"CDT_CHAOS_STOPS", 3, c.freeze}, {"CDT_CHAOS_CRASHES", 2, c.crash},
		{"CDT_CHAOS_RESTARTS", 2, c.restart}, {"CDT_CHAOS_REDIS", 3, c.forget},
	} {
		n := sizeFrom(c.t, kind.name, lessIfShort(kind.times))
		c.t.Logf("%s=%d", kind.name, n)
		acts = append(acts, slices.Repeat([]func() string{kind.do}, int(n))...)
	}
	c.rand.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	return acts
}

// archivedOnce fails if an archive holds a package twice, in OpsDB or on its disk.
func (c *chaos) archivedOnce() {
	c.t.Helper()
	facts, err := c.look().Packages(c.t.Context(), opsdb.Query{Limit: math.MaxInt32})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, archive := range []string{"cologne.lta", "cornell.lta"} {
		for _, p := range facts {
			copies := slices.DeleteFunc(slices.Clone(p.Copies), func(o opsdb.Copy) bool { return o.Location != archive })
			if len(copies) != 1 || copies[0].State != opsdb.Present {
				c.t.Errorf("%s has %d copies in %s: %v", p.Package.Name, len(copies), archive, copies)
			}
		}
		tars := 0
		err := filepath.WalkDir(c.graph.Locations[archive].Path, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.Contains(d.Name(), ".tar") && !d.IsDir() {
				tars++
			}
			return err
		})
		if err != nil || tars != len(facts) {
			c.t.Errorf("%d tars for %d packages lie in %s, %v", tars, len(facts), archive, err)
		}
	}
	c.t.Logf("%d packages, each once in each archive", len(facts))
}

// triedAgain says for the log how many tasks were claimed more than once: without any there was no trouble.
func (c *chaos) triedAgain() {
	tasks, err := c.look().Tasks(c.t.Context(), opsdb.Query{Limit: 1_000_000})
	if err != nil {
		c.t.Fatal(err)
	}
	again := 0
	for _, t := range tasks {
		if t.Token > 1 {
			again++
		}
	}
	c.t.Logf("%d of %d tasks were claimed more than once", again, len(tasks))
	if again == 0 && !testing.Short() { // so little trouble may all come between two tasks
		c.t.Error("no task was claimed twice: the trouble did not reach the work")
	}
}

// newChaos starts two engines and a worker at each site.
func newChaos(t *testing.T, seed int64) *chaos {
	t.Helper()
	server := testserver.PostgresThatStops(t)
	c := &chaos{fleet: newFleet(t, server.DSN, "MB(16)"), postgres: server, redis: testserver.Redis(t), lease: 5 * time.Second, rand: rand.New(rand.NewPCG(uint64(seed), 0))} //nolint:gosec // repeatable on purpose
	c.fleet.redis = c.redis.URL
	first := c.engine()
	first.waitFor(`"msg":"serving"`)
	c.initialise()
	c.look() // while PostgreSQL is there
	engine := func() *served { return c.engine("--lease", c.lease.String()) }
	c.members = []*member{{name: "engine 1", begin: engine, proc: first}, {name: "engine 2", begin: engine, proc: engine()}}
	for _, site := range []string{"ccat", "cologne", "cornell"} {
		begin := func() *served { return c.worker(site, "--lease", c.lease.String()) }
		c.members = append(c.members, &member{name: site, begin: begin, proc: begin()})
	}
	return c
}

// pause waits while trouble has its effect.
func (c *chaos) pause(d time.Duration) {
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.mend(false)
		case <-end.C:
			return
		}
	}
}

// said tells the log what the processes complained of, the numbers left out, and how often: who looks at trouble looks for what no trouble explains.
func (c *chaos) said() {
	c.t.Helper()
	logs, err := filepath.Glob(filepath.Join(c.root, "log-*"))
	if err != nil || len(logs) == 0 {
		c.t.Fatalf("%d logs, %v", len(logs), err)
	}
	number := regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f.-]*`)
	times := map[string]int{}
	for _, name := range logs {
		b, err := os.ReadFile(name)
		if err != nil {
			c.t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			var said struct{ Level, Msg, Class, Error, Reason, Wrong string }
			if json.Unmarshal(line, &said) == nil && (said.Level == "WARN" || said.Level == "ERROR") {
				times[number.ReplaceAllString(strings.Join([]string{said.Level, said.Msg, said.Class, said.Error, said.Reason, said.Wrong}, " "), "#")]++
			}
		}
	}
	for _, text := range slices.SortedFunc(maps.Keys(times), func(a, b string) int { return times[b] - times[a] }) {
		c.t.Logf("%4d × %.400s", times[text], text)
	}
}
