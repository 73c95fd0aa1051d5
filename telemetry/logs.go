package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// logs makes the logger: JSON to the writer, and to the collector if there is one.
func (t *Telemetry) logs(ctx context.Context, c Config, about *resource.Resource, plain *slog.Logger) error {
	t.Log = plain
	if c.OTLP == "" {
		return nil
	}
	to, err := endpoint(c.OTLP, "/v1/logs")
	if err != nil {
		return err
	}
	exporter, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(to), otlploghttp.WithHTTPClient(newAnswers()), otlploghttp.WithRetry(otlploghttp.RetryConfig{}))
	if err != nil {
		return fmt.Errorf("begin to send logs: %w", err)
	}
	l := lines{newPipe("otlp_logs", c.room(waiting), atOnce, c.Timeout, plain, func(n int) { t.lost("otlp_logs", n) }, exporter.Export)}
	p := sdklog.NewLoggerProvider(sdklog.WithResource(about), sdklog.WithProcessor(l))
	t.stops = append(t.stops, exporter.Shutdown, p.Shutdown)
	bridge := otelslog.NewHandler("github.com/ccatobs/cdt", otelslog.WithLoggerProvider(p))
	// The writer is plain's, who sees to it that one line is written after the other.
	t.Log = slog.New(slog.NewMultiHandler(plain.Handler(), newHiding(levelled{bridge, c.Level}, c.Hide)))
	return nil
}

// plainLog is the logger that writes to the writer alone, one line after the other.
func (c Config) plainLog() *slog.Logger {
	return slog.New(newHiding(traced{slog.NewJSONHandler(c.Out, &slog.HandlerOptions{Level: c.Level})}, c.Hide))
}

// endpoint is the address of one of a collector's services.
func endpoint(base, path string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the address of the collector must be http://host:4318 or https://host:4318")
	}
	return strings.TrimSuffix(u.String(), "/") + path, nil
}

// lines hands log records to a pipe. It implements [sdklog.Processor].
type lines struct{ *pipe[sdklog.Record] }

func (lines) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (l lines) Shutdown(ctx context.Context) error                   { return l.stop(ctx) }
func (lines) ForceFlush(context.Context) error                       { return nil }
func (l lines) OnEmit(_ context.Context, r *sdklog.Record) error {
	l.put(r.Clone())
	return nil
}

// traced adds the ids of the trace and span a line belongs to.
type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traced{h.Handler.WithAttrs(attrs)}
}

func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

// levelled leaves out what is below a level.
type levelled struct {
	slog.Handler
	least slog.Level
}

func (h levelled) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.least && h.Handler.Enabled(ctx, l)
}

func (h levelled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return levelled{h.Handler.WithAttrs(attrs), h.least}
}

func (h levelled) WithGroup(name string) slog.Handler {
	return levelled{h.Handler.WithGroup(name), h.least}
}
