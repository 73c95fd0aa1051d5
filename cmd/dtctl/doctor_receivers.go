package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/ccatobs/cdt/live/redis"
	"github.com/ccatobs/cdt/telemetry"
)

// receivers are who takes what processes show of themselves; data do not need them.
type receivers struct {
	otlp   string
	influx telemetry.Influx
	redis  string
}

func (r *receivers) flags(f *pflag.FlagSet) {
	f.StringVar(&r.otlp, "otlp", "", "OpenTelemetry collector to look at: http://host:4318")
	f.StringVar(&r.influx.URL, "influx-url", "", "InfluxDB to look at: http://host:8086")
	f.StringVar(&r.influx.Token, "influx-token", "", "its token; user:password of version 1.8; better in the environment or a file")
	f.StringVar(&r.influx.Org, "influx-org", "", "its organisation, of version 2")
	f.StringVar(&r.influx.Bucket, "influx-bucket", "cdt", "its bucket; database/retention-policy of version 1.8")
	f.StringVar(&r.redis, "redis", "", "Redis to look at: redis://host:port/0")
}

// answersWithin is how long a receiver may take.
const answersWithin = 3 * time.Second

// receiving asks each receiver that is named whether it takes anything.
func (d *doctor) receiving(ctx context.Context) {
	const goOn = "data go on without it; look at its address, its service and its log"
	for _, r := range []struct {
		name, address string
		try           func(context.Context) error
	}{
		{"collector", d.otlp, func(ctx context.Context) error { return telemetry.TryCollector(ctx, d.otlp) }},
		{"influxdb", d.influx.URL, func(ctx context.Context) error { return telemetry.TryInflux(ctx, d.influx) }},
		{"redis", d.redis, d.tryRedis},
	} {
		if r.address == "" {
			continue
		}
		within, cancel := context.WithTimeout(ctx, answersWithin)
		err := r.try(within)
		cancel()
		if err != nil {
			d.add("telemetry", r.name, findingWrong, goOn, "%v", err)
			continue
		}
		d.add("telemetry", r.name, findingGood, "", "it answers, and takes what it is sent")
	}
}

// tryRedis asks Redis for what it knows.
func (d *doctor) tryRedis(ctx context.Context) error {
	l, err := redis.New(d.redis, redis.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	_, err = l.Workers(ctx)
	return err
}
