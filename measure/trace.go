package measure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A package has one trace, from filing to its last archive. Its id is the
// package's own (a UUID has the 128 bits of a trace id), and the id of its
// first span follows from that: so that sites and processes that know
// nothing of each other write into one trace, and it can be looked up by `dtctl why`.

// TraceOf is the trace of a package, by its UUID; false if it is none.
func TraceOf(pkg string) (trace.SpanContext, bool) {
	raw, err := hex.DecodeString(strings.ReplaceAll(pkg, "-", ""))
	if err != nil || len(raw) != len(trace.TraceID{}) {
		return trace.SpanContext{}, false
	}
	sum := sha256.Sum256(raw)
	c := trace.SpanContextConfig{TraceFlags: trace.FlagsSampled}
	copy(c.TraceID[:], raw)
	copy(c.SpanID[:], sum[:])
	sc := trace.NewSpanContext(c)
	return sc, sc.IsValid()
}

// InPackage returns ctx within the trace of a package: logs and spans made
// with it belong there. A ctx for no valid package is returned as it is.
func InPackage(ctx context.Context, pkg string) context.Context {
	sc, ok := TraceOf(pkg)
	if !ok {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, sc)
}

// Tracer makes the spans of CDT. A nil *Tracer makes none.
type Tracer struct{ tracer trace.Tracer }

// NewTracer makes one with a provider; nil: one that keeps nothing.
func NewTracer(p trace.TracerProvider) *Tracer {
	if p == nil {
		p = noop.NewTracerProvider()
	}
	return &Tracer{p.Tracer(scope)}
}

// Attempt is one attempt at a task of a package.
type Attempt struct {
	Task
	Package, ID, Site, Worker string
	Token                     int64
	Bytes                     int64
	// Waited is how long the attempt had waited at each gate when it began, by the gate's reason; its last wait is for a worker.
	Waited map[string]time.Duration
}

// WaitedFor and a reason is the attribute of a span that says how long, in seconds, its attempt had waited for that reason.
const WaitedFor = "cdt.waited."

// Attempt begins the span of an attempt in the trace of its package. The
// returned function ends it, with the error it failed with (nil: none).
func (t *Tracer) Attempt(ctx context.Context, a Attempt) (context.Context, func(end string, failed error)) {
	if t == nil {
		return ctx, func(string, error) {}
	}
	ctx, span := t.tracer.Start(InPackage(ctx, a.Package), a.Type+" "+a.To, trace.WithAttributes(a.attributes()...))
	return ctx, func(end string, failed error) {
		span.SetAttributes(attribute.String("cdt.end", end))
		if failed != nil {
			span.RecordError(failed)
			span.SetStatus(codes.Error, failed.Error())
		}
		span.End()
	}
}

func (a Attempt) attributes() []attribute.KeyValue {
	out := []attribute.KeyValue{
		attribute.String("cdt.package", a.Package), attribute.String("cdt.task", a.ID), attribute.String("cdt.route", a.Route), attribute.String("cdt.stage", a.Stage),
		attribute.String("cdt.link", a.Link), attribute.String("cdt.piece", a.Piece), attribute.String("cdt.site", a.Site), attribute.String("cdt.worker", a.Worker),
		attribute.Int64("cdt.attempt", a.Token), attribute.Int64("cdt.bytes", a.Bytes),
	}
	for reason, d := range a.Waited {
		out = append(out, attribute.Float64(WaitedFor+reason, d.Seconds()))
	}
	return out
}

// Whole tells of a span that is over, within the trace of a package: how long its files
// were gathered, say.
func (t *Tracer) Whole(ctx context.Context, pkg, name string, from, to time.Time) {
	if t == nil {
		return
	}
	_, span := t.tracer.Start(InPackage(ctx, pkg), name, trace.WithTimestamp(from), trace.WithAttributes(attribute.String("cdt.package", pkg)))
	span.End(trace.WithTimestamp(to))
}

// rooted marks a context in which the first span of a package's trace is begun.
type rooted struct{}

// Root tells of the whole way of a package, as the first span of its trace:
// from its first file to its last archive. The provider must make ids by [RootIDs].
func (t *Tracer) Root(ctx context.Context, pkg, name string, from, to time.Time) {
	sc, ok := TraceOf(pkg)
	if t == nil || !ok {
		return
	}
	ctx = context.WithValue(ctx, rooted{}, sc)
	_, span := t.tracer.Start(ctx, name, trace.WithNewRoot(), trace.WithTimestamp(from), trace.WithAttributes(attribute.String("cdt.package", pkg)))
	span.End(trace.WithTimestamp(to))
}

// RootIDs are the ids that a first span must have, if ctx is one in which [Tracer.Root] begins it.
func RootIDs(ctx context.Context) (trace.TraceID, trace.SpanID, bool) {
	sc, ok := ctx.Value(rooted{}).(trace.SpanContext)
	return sc.TraceID(), sc.SpanID(), ok
}
