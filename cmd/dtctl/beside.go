package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/ccatobs/cdt/live"
	"github.com/ccatobs/cdt/live/memory"
	"github.com/ccatobs/cdt/live/redis"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/notify"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/worker"
)

// beside are the settings of what runs beside a node and never stands in its
// way: hints of what is true right now, and notifications to people.
type beside struct {
	observing
	redis   string
	webhook string
	header  string
	command []string
}

func (b *beside) liveFlags(f *pflag.FlagSet) {
	b.observing.flags(f)
	f.StringVar(&b.redis, "redis", "", "Redis in which processes show what they do right now: redis://host:port/0 (default: none)")
}

func (b *beside) notifyFlags(f *pflag.FlagSet) {
	f.StringVar(&b.webhook, "notify-webhook", "", "address to which notifications are posted as JSON; of all processes one should have it")
	f.StringVar(&b.header, "notify-header", "", "header that proves who posts, like 'Authorization: Bearer …'")
	f.StringSliceVar(&b.command, "notify-command", nil, "program, and its arguments, that gets notifications as JSON on its input")
}

// companions are what runs beside one node.
type companions struct {
	live   live.Live
	meter  *live.Meter
	worker string
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// start starts what is to run beside the node called name; state is the file
// in which the notifier keeps what it has said.
func (b *beside) start(ctx context.Context, name string, sites []string, store notify.Source, state string, log *slog.Logger) (*companions, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := &companions{live: memory.New(memory.Options{}), meter: live.NewMeter(nil), worker: name, cancel: cancel}
	if b.redis != "" {
		l, err := redis.New(b.redis, redis.Options{Log: log})
		if err != nil {
			return c, errors.Join(misuse("write it as redis://host:port/0", "the address of Redis: %w", err), c.stop())
		}
		c.live = l
	}
	notifier, err := b.notifier(store, state, log)
	if err != nil {
		return c, errors.Join(err, c.stop())
	}
	if notifier != nil {
		c.group.Go(func() {
			if err := notifier.Run(ctx); err != nil && ctx.Err() == nil {
				log.ErrorContext(ctx, "notifications ended", "error", err)
			}
		})
	}
	c.group.Go(func() {
		live.Keep(ctx, c.live, func() live.Worker { return live.Worker{ID: name, Sites: sites, Version: programVersion} })
	})
	return c, nil
}

// canBeTold refuses what could never take a notification: the first one is no time to find that out.
func (b *beside) canBeTold() error {
	if b.webhook != "" && !webAddress(b.webhook) {
		return misuse("write it as https://host/path", "--notify-webhook is no address of a web server")
	}
	if len(b.command) == 0 {
		return nil
	}
	if _, err := exec.LookPath(b.command[0]); err != nil {
		return misuse("name a program that is there and may be run by this user", "--notify-command: %w", err)
	}
	return nil
}

// notifier is nil if nobody is to be told.
func (b *beside) notifier(store notify.Source, state string, log *slog.Logger) (*notify.Notifier, error) {
	var sinks []notify.Sink
	if err := b.canBeTold(); err != nil {
		return nil, err
	}
	if b.webhook != "" {
		name, value, ok := strings.Cut(b.header, ":")
		if !ok && b.header != "" {
			return nil, misuse("write it as 'Name: value'", "--notify-header is no header")
		}
		sinks = append(sinks, notify.Webhook{URL: notify.NewSecret(b.webhook), Header: strings.TrimSpace(name), Value: notify.NewSecret(strings.TrimSpace(value))})
	}
	if len(b.command) > 0 {
		sinks = append(sinks, notify.Command{Args: b.command})
	}
	if len(sinks) == 0 {
		return nil, nil //nolint:nilnil // nobody is to be told, and that is fine
	}
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		return nil, hint(fmt.Errorf("make the folder for what was said: %w", err), "give --state a folder that can be written")
	}
	n, err := notify.New(notify.Config{State: state, Sinks: sinks, Log: log}, store)
	if err != nil {
		return nil, fmt.Errorf("begin notifications: %w", err)
	}
	return n, nil
}

// progress shows what a task does.
func (c *companions) progress(p worker.Progress) {
	id := string(p.Task.ID)
	if p.Ended {
		c.meter.Forget(id)
		c.live.Ended(id)
		return
	}
	c.live.Tell(live.Task{
		ID: id, Package: string(p.Task.Package), Route: p.Task.Route, Stage: p.Task.Stage, From: p.Task.From, To: p.Task.To,
		Worker: c.worker, Phase: p.Phase, Done: p.Done, Total: p.Total, Rate: c.meter.Rate(id, p.Phase, p.Done),
	})
}

// stop ends what runs beside the node.
func (c *companions) stop() error {
	c.cancel()
	c.group.Wait()
	return c.live.Close()
}

// accompany starts what runs beside a node and hands it the node's progress.
func (b *beside) accompany(ctx context.Context, c *node.Config, store opsdb.Store, state string) (*companions, error) {
	others, err := b.start(ctx, c.Name, c.Sites, store, state, c.Log)
	if err == nil {
		c.Progress = others.progress
	}
	return others, err
}
