package expr_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/engine/expr"
)

var start = time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)

// later is e as it is after d, if no fact changes.
func later(e expr.Env, d time.Duration) expr.Env {
	e.Now = e.Now.Add(d)
	e.Age += d
	e.Package.Age += d
	e.Group.Age += d
	e.Group.Idle += d
	return e
}

func TestNextIsTheMomentOfTheChange(t *testing.T) {
	t.Parallel()
	env := expr.Env{
		Now: start, Age: 10 * 24 * time.Hour, Package: expr.Package{Age: time.Hour, ObservedAt: start.Add(-time.Hour)},
		Group: expr.Group{Idle: 4 * time.Minute, Age: 30 * time.Minute},
	}
	for _, c := range []struct {
		kind   expr.Kind
		source string
		want   time.Duration // 0: never
	}{
		{expr.Delete, `archived >= 2`, 0},
		{expr.Delete, `age >= days(14)`, 4 * 24 * time.Hour},
		{expr.Delete, `days(14) <= age`, 4 * 24 * time.Hour},
		{expr.Delete, `age > days(14)`, 4*24*time.Hour + time.Microsecond},
		{expr.Delete, `age < days(14)`, 4 * 24 * time.Hour},
		{expr.Delete, `age <= days(14)`, 4*24*time.Hour + time.Microsecond},
		{expr.Delete, `age >= days(10)`, 0},
		{expr.Delete, `age >= days(14) && age >= days(12)`, 2 * 24 * time.Hour},
		{expr.Close, `group.finished || group.bytes >= GB(50) || group.idle >= minutes(10)`, 6 * time.Minute},
		{expr.Close, `group.age >= hours(1) || group.idle >= hours(1)`, 30 * time.Minute},
		{expr.When, `package.age >= hours(2)`, time.Hour},
		{expr.When, `now - package.observed_at >= hours(3)`, 2 * time.Hour},
		{expr.When, `now < package.observed_at + hours(3)`, 2 * time.Hour},
		{expr.When, `package.observed_at >= now - hours(3)`, 2*time.Hour + time.Microsecond},
		{expr.When, `cron("* 12-18 * * *")`, 6*time.Hour + 30*time.Minute},
		{expr.When, `cron("40 * * * *") || package.age >= hours(2)`, 10 * time.Minute},
		{expr.When, `cron("* * * * *")`, 0},
		{expr.Priority, `age > days(11) ? 10 : 0`, 24*time.Hour + time.Microsecond},
	} {
		t.Run(c.source, func(t *testing.T) {
			t.Parallel()
			p, problems := compile(c.kind, c.source)
			if p == nil {
				t.Fatal(problems)
			}
			got := p.Next(env, start)
			if c.want == 0 && !got.IsZero() || c.want != 0 && !got.Equal(start.Add(c.want)) {
				t.Errorf("next is %v, want %v later", got, c.want)
			}
		})
	}
}

// source draws an expression of the language that is true or false.
func source(t *rapid.T, depth int) string {
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(t, "shape") {
		case 0:
			return "(" + source(t, depth-1) + ") && (" + source(t, depth-1) + ")"
		case 1:
			return source(t, depth-1) + " || " + source(t, depth-1)
		case 2:
			return "not (" + source(t, depth-1) + ")"
		case 3:
			return "((" + source(t, depth-1) + ") ? (" + source(t, depth-1) + ") : (" + source(t, depth-1) + "))"
		}
	}
	op := rapid.SampledFrom([]string{"<", "<=", ">", ">="}).Draw(t, "operator")
	n := rapid.IntRange(0, 100).Draw(t, "n")
	unit := rapid.SampledFrom([]string{"seconds", "minutes", "hours", "days"}).Draw(t, "unit")
	span := fmt.Sprintf("%s(%d)", unit, n)
	return rapid.SampledFrom([]string{
		"age " + op + " " + span,
		span + " " + op + " package.age",
		"now - package.observed_at " + op + " " + span + " + minutes(5)",
		"now " + op + " package.observed_at + " + span,
		"package.observed_at - now " + op + " " + span,
		"package.observed_at - " + span + " " + op + " now",
		"now - " + span + " " + op + " package.observed_at",
		"package.age " + op + " age",
		`cron("*/7 3-5,20-23 * * 1-5")`, `cron("CRON_TZ=Europe/Berlin * 2 * * *")`, `cron("0 0 1 * *")`,
		"requested", "archived >= 2", "package.files == 0", `"a" in package.tags`, `at("cologne.lta")`,
	}).Draw(t, "term")
}

func environment(t *rapid.T) expr.Env {
	span := func(name string) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(100*24*time.Hour/time.Microsecond)).Draw(t, name)) * time.Microsecond
	}
	now := start.Add(span("now"))
	return expr.Env{Now: now, Age: span("age"), Archived: rapid.IntRange(0, 3).Draw(t, "archived"), Requested: rapid.Bool().Draw(t, "requested"),
		Package: expr.Package{Age: span("package age"), ObservedAt: now.Add(50*24*time.Hour - span("observed"))}}
}

func TestNothingChangesBeforeNext(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, env := source(t, 2), environment(t)
		p, problems := compile(expr.When, s)
		if p == nil {
			t.Fatalf("%s: %v", s, problems)
		}
		value := func(d time.Duration) bool {
			v, err := p.Bool(later(env, d))
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			return v
		}
		until := 400 * 24 * time.Hour
		if next := p.Next(env, env.Now); !next.IsZero() {
			if !next.After(env.Now) {
				t.Fatalf("%s: next %v is not after %v", s, next, env.Now)
			}
			until = min(until, next.Sub(env.Now)-time.Microsecond)
		}
		for range 20 {
			d := time.Duration(rapid.Int64Range(0, int64(until/time.Microsecond)).Draw(t, "later")) * time.Microsecond
			if value(d) != value(0) {
				t.Fatalf("%s changes after %v, next is %v later", s, d, until)
			}
		}
		if value(until) != value(0) {
			t.Fatalf("%s has changed right before next", s)
		}
	})
}

// What the checker lets through must compile, run and be cheap; a fuzzer looks for what it overlooks.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{`age >= days(14) && archived >= 2`, `"a" in package.tags ? 1 : -2`, `not (requested) == true`,
		`package.program in ["a", "b"] || cron("* * * * *")`, `now - package.observed_at > hours(1)`, `_sge(1) | let x = 1; nil`,
		`group.idle >= minutes(10)`, `package["name"] == "x"`, `1 < archived < 3`, "a\x00b", `link.up != true`} {
		f.Add(s)
	}
	kinds := []expr.Kind{expr.When, expr.Priority, expr.Select, expr.Close, expr.Delete}
	f.Fuzz(func(t *testing.T, s string) {
		for _, k := range kinds {
			p, problems := compile(k, s)
			if (p == nil) != (len(problems) > 0) {
				t.Fatalf("%v with problems %v", p, problems)
			}
			for _, problem := range problems {
				if problem.Message == "" || strings.Contains(problem.Message, "\n") {
					t.Fatalf("message %q", problem.Message)
				}
			}
			if p == nil {
				continue
			}
			run := func() (err error) {
				if k == expr.Priority {
					_, err = p.Int(expr.Env{Now: start})
				} else {
					_, err = p.Bool(expr.Env{Now: start})
				}
				return err
			}
			if err := run(); err != nil {
				t.Fatal(err)
			}
			p.Terms(expr.Env{Now: start})
			p.Next(expr.Env{Now: start}, start)
		}
	})
}
