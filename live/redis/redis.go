// Package redis is live state shared by many processes through a Redis.
//
// Redis is a hint here and nothing else. Every call is bounded in time. What
// writes goes into a bounded queue and never waits; what does not get through
// is dropped and counted. A Redis that hangs, restarts or forgets is said once in
// the log, makes readers get [live.ErrAway] at once, and heals by itself. Events
// reach subscribers in the publishing process without it.
//
// Keys live under a prefix and all of them expire. Ages come from what is left
// of a key's time to live, so that no host's wall clock is compared with another's.
//
// It imports live and clock.
package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/live"
)

// Options are how it works. Zero fields take the value named.
type Options struct {
	Prefix   string        // of all keys and the channel; "cdt"
	Timeout  time.Duration // of every call; 200 ms
	Waiting  int           // writes that may wait; 4096
	Retry    time.Duration // longest time between two tries while Redis is away; 5 s
	Settled  time.Duration // how long Redis must answer before the log says that it is back; 10 s
	TTL      time.Duration // of presence and progress; live.TTL
	BlobKept time.Duration // live.BlobKept
	Log      *slog.Logger
}

// Live is live state in a Redis.
type Live struct {
	opts   Options
	client *redis.Client
	hub    *live.Hub
	queue  *queue
	state  *state
	now    func() time.Duration // time passed
	origin string               // of events of this process
	number atomic.Int64         // of its last event
	stop   context.CancelFunc
	done   sync.WaitGroup
}

var _ live.Live = (*Live)(nil)

// New returns the live state kept in the Redis at url: redis://[user:password@]host[:port][/db],
// rediss:// for TLS. It does not wait for that Redis, which may be away. Errors say nothing of url.
func New(url string, o Options) (*Live, error) {
	parsed, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("read the URL of Redis: it must look like redis://[user:password@]host:port/0")
	}
	o = o.filled()
	redis.SetLogger(silent{}) // what matters is said by state, once
	ctx, stop := context.WithCancel(context.Background())
	l := &Live{
		opts: o, client: redis.NewClient(bounded(parsed, o.Timeout)), hub: live.NewHub(), queue: newQueue(o.Waiting),
		state: newState(o), now: clock.Monotonic(), origin: rand.Text(), stop: stop,
	}
	l.done.Go(func() { l.send(ctx) })
	l.done.Go(func() { l.listen(ctx) })
	return l, nil
}

func (o Options) filled() Options {
	o.Prefix = cmp.Or(o.Prefix, "cdt")
	o.Timeout = cmp.Or(o.Timeout, 200*time.Millisecond)
	o.Waiting = cmp.Or(o.Waiting, 4096)
	o.Retry = cmp.Or(o.Retry, 5*time.Second)
	o.Settled = cmp.Or(o.Settled, 10*time.Second)
	o.TTL = cmp.Or(o.TTL, live.TTL)
	o.BlobKept = cmp.Or(o.BlobKept, live.BlobKept)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// bounded sets every time limit there is, and turns off what repeats calls behind our back.
func bounded(o *redis.Options, limit time.Duration) *redis.Options {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = limit, limit, limit, limit
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.DialerRetries = -1, 1
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}

// silent keeps the library from writing to standard error.
type silent struct{}

// Printf says nothing.
func (silent) Printf(context.Context, string, ...any) {}

// Present implements [live.Presence].
func (l *Live) Present(w live.Worker) { l.keep("worker", w.ID, w) }

// Absent implements [live.Presence].
func (l *Live) Absent(id string) { l.forget("worker", id) }

// Workers implements [live.Presence].
func (l *Live) Workers(ctx context.Context) ([]live.Worker, error) {
	out, err := list(ctx, l, "worker", func(w *live.Worker, age time.Duration) { w.Age = age })
	slices.SortFunc(out, func(a, b live.Worker) int { return cmp.Compare(a.ID, b.ID) })
	return out, err
}

// Tell implements [live.Progress].
func (l *Live) Tell(t live.Task) { l.keep("task", t.ID, t) }

// Ended implements [live.Progress].
func (l *Live) Ended(task string) { l.forget("task", task) }

// Tasks implements [live.Progress].
func (l *Live) Tasks(ctx context.Context) ([]live.Task, error) {
	out, err := list(ctx, l, "task", func(t *live.Task, age time.Duration) { t.Age = age })
	slices.SortFunc(out, func(a, b live.Task) int { return cmp.Compare(a.ID, b.ID) })
	return out, err
}

// Put implements [live.Blobs].
func (l *Live) Put(name string, data []byte) {
	if len(data) > live.MaxBlob {
		l.queue.lost(1)
		return
	}
	key, data := l.key("blob", name), slices.Clone(data)
	l.queue.put(&write{key: key, said: l.now(), ttl: l.opts.BlobKept, do: func(ctx context.Context, p redis.Pipeliner, left time.Duration) {
		p.Set(ctx, key, data, left)
	}})
}

// Get implements [live.Blobs].
func (l *Live) Get(ctx context.Context, name string) (data []byte, age time.Duration, err error) {
	key := l.key("blob", name)
	err = l.read(ctx, func(ctx context.Context) error {
		var value *redis.StringCmd
		var left *redis.DurationCmd
		_, err := l.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			value, left = p.Get(ctx, key), p.PTTL(ctx, key)
			return nil
		})
		if err == nil {
			data, age = []byte(value.Val()), max(0, l.opts.BlobKept-left.Val())
		}
		return err
	})
	if errors.Is(err, redis.Nil) {
		return nil, 0, live.ErrNone
	}
	return data, age, err
}

// Health implements [live.Live].
func (l *Live) Health() live.Health {
	h := live.Health{Waiting: l.queue.len(), Dropped: l.queue.droppedSoFar()}
	h.Away, h.Text = l.state.now()
	return h
}

// Close implements [live.Live].
func (l *Live) Close() error {
	l.stop()
	l.hub.Close()
	err := l.client.Close()
	l.done.Wait()
	if errors.Is(err, redis.ErrClosed) {
		return nil
	}
	return err
}

func (l *Live) key(kind, name string) string { return l.opts.Prefix + ":" + kind + ":" + name }

// index is the set of the names of a kind.
func (l *Live) index(kind string) string { return l.opts.Prefix + ":" + kind + "s" }

// keep queues a value for its time to live.
func (l *Live) keep(kind, id string, value any) {
	data, err := json.Marshal(value)
	if err != nil || len(data) > live.MaxEvent {
		l.queue.lost(1)
		return
	}
	key, index := l.key(kind, id), l.index(kind)
	l.queue.put(&write{key: key, said: l.now(), ttl: l.opts.TTL, do: func(ctx context.Context, p redis.Pipeliner, left time.Duration) {
		p.Set(ctx, key, data, left)
		p.SAdd(ctx, index, id)
		p.PExpire(ctx, index, 2*l.opts.TTL)
	}})
}

// forget queues the end of a value, in place of what is queued for it.
func (l *Live) forget(kind, id string) {
	key, index := l.key(kind, id), l.index(kind)
	l.queue.put(&write{key: key, said: l.now(), ttl: l.opts.TTL, do: func(ctx context.Context, p redis.Pipeliner, _ time.Duration) {
		p.Del(ctx, key)
		p.SRem(ctx, index, id)
	}})
}

// lister returns the values of an index with what is left of their time, and
// takes names out whose value has expired, in one step.
const lister = `
local out = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local value = redis.call('GET', ARGV[1] .. id)
  if value then
    out[#out + 1] = value
    out[#out + 1] = tostring(redis.call('PTTL', ARGV[1] .. id))
  else
    redis.call('SREM', KEYS[1], id)
  end
end
return out`

// list reads the values of a kind. A value that cannot be read is left out: a newer version may have written it.
func list[T any](ctx context.Context, l *Live, kind string, aged func(*T, time.Duration)) ([]T, error) {
	var answer []string
	err := l.read(ctx, func(ctx context.Context) (err error) {
		answer, err = redis.NewScript(lister).Run(ctx, l.client, []string{l.index(kind)}, l.key(kind, "")).StringSlice()
		return err
	})
	if err != nil {
		return nil, err
	}
	out := []T{}
	for pair := range slices.Chunk(answer, 2) {
		var value T
		left, err := time.ParseDuration(pair[1] + "ms")
		if err != nil || json.Unmarshal([]byte(pair[0]), &value) != nil {
			continue
		}
		aged(&value, max(0, l.opts.TTL-left))
		out = append(out, value)
	}
	return out, nil
}

// read asks Redis, for a bounded time; not at all while it is known to be away.
func (l *Live) read(ctx context.Context, ask func(context.Context) error) error {
	if away, why := l.state.now(); away {
		return fmt.Errorf("%w: %s", live.ErrAway, why)
	}
	bounded, cancel := context.WithTimeout(ctx, l.opts.Timeout)
	defer cancel()
	err := ask(bounded)
	switch {
	case err == nil, errors.Is(err, redis.Nil):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	l.state.away(err)
	l.queue.ring() // look at once whether it is back
	return fmt.Errorf("%w: %s", live.ErrAway, plain(err))
}
