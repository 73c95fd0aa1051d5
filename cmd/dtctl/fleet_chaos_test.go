//go:build servers

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
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
	members []*member
	rand    *rand.Rand
	lease   time.Duration
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

// E1-E4: engines and workers are killed and stopped for longer than their leases, PostgreSQL crashes;
// in the end every file is archived once, every deletion was proved, and no late result counted.
func TestFleetInChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes of trouble: not with -short")
	}
	t.Parallel()
	seed := sizeFrom(t, "CDT_CHAOS_SEED", int64(rand.Uint32()))
	kills, stops, crashes := sizeFrom(t, "CDT_CHAOS_KILLS", 15), sizeFrom(t, "CDT_CHAOS_STOPS", 3), sizeFrom(t, "CDT_CHAOS_CRASHES", 2)
	total, largest := sizeFrom(t, "CDT_FLEET_BYTES", 100_000_000), sizeFrom(t, "CDT_FLEET_LARGEST", 16_000_000)
	t.Logf("CDT_CHAOS_SEED=%d CDT_CHAOS_KILLS=%d CDT_CHAOS_STOPS=%d CDT_CHAOS_CRASHES=%d CDT_FLEET_BYTES=%d", seed, kills, stops, crashes, total)
	c := newChaos(t, seed)
	var acts []func() string
	acts = append(acts, slices.Repeat([]func() string{c.kill}, int(kills))...)
	acts = append(acts, slices.Repeat([]func() string{c.freeze}, int(stops))...)
	acts = append(acts, slices.Repeat([]func() string{c.crash}, int(crashes))...)
	c.rand.Shuffle(len(acts), func(i, j int) { acts[i], acts[j] = acts[j], acts[i] })
	for i, act := range acts {
		c.fill(fmt.Sprintf("obs%03d", i), max(total/int64(len(acts)), 1), largest, c.rand)
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
			t.Logf("%s ended by itself %d times", m.name, m.exits)
		}
	}
	c.check()
	dtctl(t, exitGood, "audit", "verify", "--db", c.url)
	c.triedAgain()
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
	if again == 0 {
		c.t.Error("no task was claimed twice: the trouble did not reach the work")
	}
}

// newChaos starts two engines and a worker at each site.
func newChaos(t *testing.T, seed int64) *chaos {
	t.Helper()
	c := &chaos{fleet: newFleet(t, testserver.Postgres(t), "MB(16)"), lease: 5 * time.Second, rand: rand.New(rand.NewPCG(uint64(seed), 0))} //nolint:gosec // repeatable on purpose
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
