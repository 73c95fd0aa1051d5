package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// hiding keeps texts that are secret out of log lines, wherever they stand: in
// the message, in a text or in an error that quotes them.
type hiding struct {
	slog.Handler
	secrets *strings.Replacer
}

// shortest is the length of a text that is hidden; hiding shorter ones would only tell which they are.
const shortest = 4

// newHiding returns h, or one that hides the secrets if there are any.
func newHiding(h slog.Handler, secrets []string) slog.Handler {
	r := replacer(secrets)
	if r == nil {
		return h
	}
	return hiding{h, r}
}

// replacer puts something else in the place of secrets, also as they stand in an address; nil: there are none.
func replacer(secrets []string) *strings.Replacer {
	var pairs []string
	for _, s := range secrets {
		if len(s) >= shortest {
			pairs = append(pairs, s, hiddenText)
		}
		if plain, err := url.PathUnescape(s); err == nil && plain != s && len(plain) >= shortest {
			pairs = append(pairs, plain, hiddenText)
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	return strings.NewReplacer(pairs...)
}

const hiddenText = "(secret)"

func (h hiding) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.secrets.Replace(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h hiding) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return hiding{h.Handler.WithAttrs(clean), h.secrets}
}

func (h hiding) WithGroup(name string) slog.Handler {
	return hiding{h.Handler.WithGroup(name), h.secrets}
}

func (h hiding) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, h.secrets.Replace(v.String()))
	case slog.KindGroup:
		group := make([]slog.Attr, len(v.Group()))
		for i, g := range v.Group() {
			group[i] = h.attr(g)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny:
		return slog.Attr{Key: a.Key, Value: h.any(v.Any())}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// any shows a value as JSON would; one that holds no secret is left as it is.
func (h hiding) any(v any) slog.Value {
	var text string
	switch v := v.(type) {
	case error:
		text = v.Error()
	case fmt.Stringer:
		text = v.String()
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			raw = fmt.Append(nil, v)
		}
		text = string(raw)
	}
	if clean := h.secrets.Replace(text); clean != text {
		return slog.StringValue(clean)
	}
	return slog.AnyValue(v)
}

// hiddenSpan is a span as it may be shown: its errors and attributes say no secret.
type hiddenSpan struct {
	sdktrace.ReadOnlySpan
	hiding
}

// newHiddenSpan returns s, or one that hides the secrets if there are any.
func newHiddenSpan(s sdktrace.ReadOnlySpan, secrets *strings.Replacer) sdktrace.ReadOnlySpan {
	if secrets == nil {
		return s
	}
	return hiddenSpan{s, hiding{secrets: secrets}}
}

func (h hiddenSpan) Status() sdktrace.Status {
	s := h.ReadOnlySpan.Status()
	s.Description = h.secrets.Replace(s.Description)
	return s
}

func (h hiddenSpan) Attributes() []attribute.KeyValue { return h.clean(h.ReadOnlySpan.Attributes()) }

func (h hiddenSpan) Events() []sdktrace.Event {
	out := slices.Clone(h.ReadOnlySpan.Events())
	for i := range out {
		out[i].Attributes = h.clean(out[i].Attributes)
	}
	return out
}

func (h hiddenSpan) clean(attrs []attribute.KeyValue) []attribute.KeyValue {
	out := slices.Clone(attrs)
	for i, a := range out {
		if a.Value.Type() == attribute.STRING {
			out[i].Value = attribute.StringValue(h.secrets.Replace(a.Value.AsString()))
		}
	}
	return out
}
