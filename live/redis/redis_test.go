//go:build servers

package redis_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/live"
	"github.com/ccatobs/cdt/live/livetest"
	"github.com/ccatobs/cdt/live/redis"
	"github.com/ccatobs/cdt/testserver"
)

const patience = 2 * time.Minute

// limit is how long a call may take: longer than in production, because this machine may be busy.
const limit = 2 * time.Second

func TestConformance(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t)
	livetest.Run(t, func(t *testing.T, kept time.Duration) livetest.World {
		o := redis.Options{Prefix: "cdt-" + t.Name(), TTL: kept, BlobKept: kept, Timeout: 20 * time.Second}
		return livetest.World{Here: open(t, server.URL, o), There: open(t, server.URL, o)}
	})
}

func open(t *testing.T, url string, o redis.Options) *redis.Live {
	t.Helper()
	l, err := redis.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	look, end := time.NewTicker(5*time.Millisecond), time.NewTimer(patience)
	defer look.Stop()
	defer end.Stop()
	for !met() {
		select {
		case <-look.C:
		case <-end.C:
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// said is a log that is read by the test.
type said struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines.Write(b)
}

func (s *said) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.lines.String(), what)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines.String()
}

// trouble is an adapter with a log, and another process that shares its Redis.
type trouble struct {
	server      *testserver.RedisServer
	here, there *redis.Live
	log         *said
}

func inTrouble(t *testing.T, url func(*testserver.RedisServer) string) trouble {
	t.Helper()
	w := trouble{server: testserver.Redis(t), log: &said{}}
	o := redis.Options{Timeout: limit, Retry: 200 * time.Millisecond, Settled: 300 * time.Millisecond}
	w.there = open(t, url(w.server), o)
	o.Log = slog.New(slog.NewTextHandler(w.log, nil))
	w.here = open(t, url(w.server), o)
	w.healthy(t)
	return w
}

func direct(s *testserver.RedisServer) string { return s.URL }

// healthy waits until all of it works between the two.
func (w trouble) healthy(t *testing.T) {
	t.Helper()
	s := w.there.Subscribe(1000)
	defer s.Close()
	heard := make(chan struct{})
	go func() {
		for {
			i, err := s.Next(t.Context())
			if err != nil {
				return
			}
			if i.Kind == "healthy" {
				close(heard)
				return
			}
		}
	}()
	until(t, "one is there", func() bool {
		w.here.Present(live.Worker{ID: "w"})
		got, err := w.there.Workers(t.Context())
		return err == nil && slices.ContainsFunc(got, func(k live.Worker) bool { return k.ID == "w" })
	})
	until(t, "events arrive", func() bool {
		w.here.Publish(live.Event{Kind: "healthy"})
		select {
		case <-heard:
			return true
		default:
			return false
		}
	})
	until(t, "it says that it is well", func() bool { return !w.here.Health().Away && !w.there.Health().Away })
}

// bounded fails if what is done takes longer than that.
func bounded(t *testing.T, most time.Duration, what string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	if took := time.Since(start); took > most {
		t.Errorf("%s took %s", what, took)
	}
}

// write does what stands on the way of the data, often.
func (w trouble) write(t *testing.T) {
	t.Helper()
	bounded(t, 20*time.Second, "20,000 writes", func() {
		for i := range 5000 {
			w.here.Tell(live.Task{ID: fmt.Sprint(i % 50), Done: int64(i)})
			w.here.Publish(live.Event{Kind: "k"})
			w.here.Present(live.Worker{ID: fmt.Sprint(i % 10)})
			w.here.Put("status", []byte("x"))
		}
	})
}

// away waits until readers fail, and holds each call to its time.
func (w trouble) away(t *testing.T) {
	t.Helper()
	until(t, "readers are told", func() bool {
		var err error
		bounded(t, 5*limit, "a read", func() { _, err = w.here.Tasks(t.Context()) })
		if err != nil && !errors.Is(err, live.ErrAway) {
			t.Fatalf("a read gives %v", err)
		}
		return err != nil
	})
	bounded(t, 5*limit, "a thousand reads of what is known to be away", func() {
		for range 1000 {
			if !w.here.Health().Away {
				continue // it is just being tried
			}
			_, _ = w.here.Workers(t.Context())
		}
	})
}

// once checks what the log was told of one trouble.
func (w trouble) once(t *testing.T) {
	t.Helper()
	until(t, "the log says that it is back", func() bool { return w.log.count("Redis is back") > 0 })
	if n, m := w.log.count("Redis is away"), w.log.count("Redis is back"); n != 1 || m != 1 {
		t.Errorf("said %d times that it is away, %d times that it is back:\n%s", n, m, w.log)
	}
}

func TestHangs(t *testing.T) {
	t.Parallel()
	w := inTrouble(t, direct)
	mine := w.here.Subscribe(10)
	w.server.Freeze()
	w.here.Publish(live.Event{Kind: "mine"})
	w.write(t)
	if i, err := mine.Next(t.Context()); err != nil || i.Kind == "" {
		t.Errorf("without Redis, this process does not hear itself: %+v, %v", i, err)
	}
	w.away(t)
	if h := w.here.Health(); h.Waiting > 4096 || h.Dropped == 0 {
		t.Errorf("the queue is not bounded, or drops are not counted: %+v", h)
	}
	w.server.Thaw()
	w.healthy(t)
	w.once(t)
}

func TestRestarts(t *testing.T) {
	t.Parallel()
	w := inTrouble(t, direct)
	theirs := w.there.Subscribe(10000)
	w.server.Kill()
	w.write(t)
	w.away(t)
	w.server.Start()
	w.healthy(t)
	w.once(t)
	until(t, "the last word said in between is there", func() bool {
		got, err := w.there.Tasks(t.Context())
		return err == nil && len(got) == 50
	})
	for gap := false; !gap; { // Next fails if none comes, at the test's end
		i, err := theirs.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gap = i.Gap
	}
}

func TestFlushed(t *testing.T) {
	t.Parallel()
	w := inTrouble(t, direct)
	w.here.Tell(live.Task{ID: "t"})
	w.here.Put("status", []byte("x"))
	until(t, "it is there", func() bool { _, _, err := w.there.Get(t.Context(), "status"); return err == nil })
	command(t, w.server.Addr, "FLUSHALL")
	if got, err := w.there.Tasks(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("flushed, it has %v, %v", got, err)
	}
	if _, _, err := w.there.Get(t.Context(), "status"); !errors.Is(err, live.ErrNone) {
		t.Errorf("flushed, the status gives %v", err)
	}
	w.here.Tell(live.Task{ID: "t", Done: 1})
	until(t, "what is said anew is there", func() bool {
		got, err := w.there.Tasks(t.Context())
		return err == nil && len(got) == 1 && got[0].Done == 1
	})
	w.healthy(t)
	if s := w.log.String(); s != "" {
		t.Errorf("the log was told: %s", s)
	}
}

func TestAwayAtStart(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t)
	server.Kill()
	w := trouble{server: server, log: &said{}}
	o := redis.Options{Timeout: limit, Retry: 100 * time.Millisecond, Settled: 300 * time.Millisecond, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	bounded(t, 5*limit, "opening", func() { w.here = open(t, server.URL, o) })
	w.there = open(t, server.URL, redis.Options{Timeout: limit, Retry: 100 * time.Millisecond})
	w.write(t)
	w.away(t)
	server.Start()
	w.healthy(t)
	w.once(t)
}

func TestSlow(t *testing.T) {
	t.Parallel()
	var line *wire
	w := inTrouble(t, func(s *testserver.RedisServer) string {
		if line == nil {
			line = lay(t, s.Addr)
		}
		return "redis://" + line.addr
	})
	line.slow(3 * limit) // more than a call may take
	w.write(t)
	w.away(t)
	line.slow(20 * time.Millisecond) // far, but near enough
	w.healthy(t)
	line.slow(0)
	w.once(t)
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	server := testserver.Redis(t)
	command(t, server.Addr, "CONFIG SET requirepass right")
	log := &said{}
	l := open(t, "redis://:sEcReT@"+server.Addr+"/0", redis.Options{Retry: 50 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, nil))})
	until(t, "it is away", func() bool { return l.Health().Away })
	until(t, "the log says so", func() bool { return log.count("WRONGPASS") > 0 })
	if all := log.String() + l.Health().Text; strings.Contains(all, "sEcReT") {
		t.Errorf("the password is shown: %s", all)
	}
}

func TestRefusesWritesButLives(t *testing.T) {
	t.Parallel()
	for name, turn := range map[string]struct{ off, on string }{
		"full":             {"CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"},
		"a replica":        {"REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"},
		"too few replicas": {"CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := inTrouble(t, direct)
			command(t, w.server.Addr, turn.off)
			w.write(t)
			w.away(t)
			command(t, w.server.Addr, turn.on)
			w.healthy(t)
			w.once(t)
		})
	}
}
