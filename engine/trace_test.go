package engine

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ccatobs/cdt/measure"
	"github.com/ccatobs/cdt/opsdb"
)

// chronicle knows the lives of packages.
type chronicle struct {
	Store
	life  opsdb.Life
	err   error
	asked int
}

func (c *chronicle) Lives(_ context.Context, ids []opsdb.ID) ([]opsdb.Life, error) {
	c.asked++
	c.life.Package = ids[0]
	return []opsdb.Life{c.life}, c.err
}

func TestTheFirstSpanIsWrittenOnceAtTheEnd(t *testing.T) {
	t.Parallel()
	filed := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	ended := opsdb.Life{Route: "raw", FirstFiled: filed, MadeAt: filed.Add(time.Minute), Archived: filed.Add(time.Hour)}
	again, nowhere := ended, ended
	again.Again, nowhere.Archived = true, time.Time{}
	way, check := []opsdb.OpenMove{{Type: "archive"}, {Type: typeVerify}}, []opsdb.OpenMove{{Type: typeVerify}, {Type: typeDelete}}
	for _, c := range []struct {
		name          string
		before, after []opsdb.OpenMove
		life          opsdb.Life
		digest        opsdb.Digest
		left, fails   bool
		asked, spans  int
	}{
		{"at the end", way, check, ended, "d", false, false, 1, 2},
		{"still under way", way, way, ended, "d", false, false, 0, 0},
		{"long at the end", check, nil, ended, "d", false, false, 0, 0},
		{"not packed", way, nil, ended, "", false, false, 0, 0},
		{"changed meanwhile", way, nil, ended, "d", true, false, 0, 0},
		{"a copy was made again", way, nil, again, "d", false, false, 1, 0},
		{"wanted nowhere any more", way, nil, nowhere, "d", false, false, 1, 0},
		{"the database is away", way, nil, nowhere, "d", false, true, 1, 0},
	} {
		spans := tracetest.NewSpanRecorder()
		s := &chronicle{life: c.life}
		if c.fails {
			s.err = errors.New("away")
		}
		e := &Engine{cfg: Config{Store: s, Tracer: measure.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))), Log: slog.New(slog.DiscardHandler)}}
		id := opsdb.NewID()
		var left []opsdb.ID
		if c.left {
			left = append(left, id)
		}
		e.trace(t.Context(), []opsdb.Facts{{Package: opsdb.Package{ID: id, Digest: c.digest}, Moves: c.before}}, []Result{{Evaluation: opsdb.Evaluation{Package: id, Moves: c.after}}}, left)
		got := spans.Ended()
		if s.asked != c.asked || len(got) != c.spans {
			t.Errorf("%s: asked %d times, %d spans; want %d and %d", c.name, s.asked, len(got), c.asked, c.spans)
		}
		if len(got) == 2 && (got[0].Name() != "raw" || !got[0].StartTime().Equal(filed) || !got[0].EndTime().Equal(filed.Add(time.Hour)) || got[1].Name() != "gathered" || !got[1].EndTime().Equal(filed.Add(time.Minute))) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
