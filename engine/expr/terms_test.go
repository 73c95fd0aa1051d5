package expr_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/engine/expr"
)

func TestTerms(t *testing.T) {
	t.Parallel()
	env := expr.Env{
		Age: 76*time.Hour + 5*time.Minute, Archived: 1, Now: start, Here: expr.Place{Used: expr.Size{B: 1.5e12}},
		Package: expr.Package{Program: "Cal", Tags: []string{"night"}, ObservedAt: start.Add(-time.Hour), Files: 12},
		Group:   expr.Group{Bytes: expr.Size{B: 12345}, Idle: 90 * time.Second},
	}
	for _, c := range []struct {
		kind   expr.Kind
		source string
		want   []expr.Term
	}{
		{expr.Delete, `age >= days(14) && (archived >= 2 || here.used > TB(1))`, []expr.Term{
			{Text: "age >= days(14)", Value: "age = 3d 4h"},
			{Text: "archived >= 2", Value: "archived = 1"},
			{Text: "here.used > TB(1)", Value: "here.used = 1.5TB", Holds: true},
		}},
		{expr.Delete, `not released && at("cologne.lta")`, []expr.Term{{Text: "released"}, {Text: `at("cologne.lta")`}}},
		{expr.Close, `group.finished || group.bytes >= GB(50) || group.idle >= minutes(1)`, []expr.Term{
			{Text: "group.finished"},
			{Text: "group.bytes >= GB(50)", Value: "group.bytes = 12.35KB"},
			{Text: "group.idle >= minutes(1)", Value: "group.idle = 1m 30s", Holds: true},
		}},
		{expr.When, `"night" in package.tags and now - package.observed_at < hours(2)`, []expr.Term{
			{Text: `"night" in package.tags`, Value: `package.tags = ["night"]`, Holds: true},
			{Text: "now - package.observed_at < hours(2)", Value: "now = 2026-11-21T12:30:00Z, package.observed_at = 2026-11-21T11:30:00Z", Holds: true},
		}},
		{expr.Priority, `package.program == "Cal" ? 10 : package.files * 2`, []expr.Term{
			{Text: `package.program == "Cal"`, Value: `package.program = "Cal"`, Holds: true},
			{Text: "package.files * 2", Value: "package.files = 12", Holds: true},
		}},
		{expr.When, `true`, []expr.Term{}},
	} {
		p, problems := compile(c.kind, c.source)
		if p == nil {
			t.Fatal(problems)
		}
		if diff := cmp.Diff(c.want, p.Terms(env)); diff != "" {
			t.Errorf("%s: %s", c.source, diff)
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   expr.Kind
		source string
		want   expr.Reads
	}{
		{expr.When, `true`, expr.Reads{}},
		{expr.When, `package.age > days(1) && archived >= 1`, expr.Reads{Package: true, Age: true, Archived: true}},
		{expr.When, `at("cornell.lta") || at("cologne.lta") || at("cornell.lta")`, expr.Reads{Locations: []string{"cologne.lta", "cornell.lta"}}},
		{expr.Delete, `archived_all("archives") && here.free < TB(1) && copies > 1`, expr.Reads{Sets: []string{"archives"}, Places: []string{"here"}, Copies: true}},
		{expr.When, `here.free < TB(1) && to.free > TB(1) && link.up && requested`, expr.Reads{Places: []string{"from", "to"}, Link: true, Requests: true}},
		{expr.Close, `group.idle > minutes(1) || group.age > days(1)`, expr.Reads{Group: true, Idle: true, Age: true}},
		{expr.Delete, `cron("* 3 * * *")`, expr.Reads{Now: true}},
		{expr.Priority, `now - package.observed_at > days(1) ? 1 : 0`, expr.Reads{Package: true, Now: true}},
	} {
		p, problems := compile(c.kind, c.source)
		if p == nil {
			t.Fatal(problems)
		}
		got := p.Reads()
		for _, list := range []*[]string{&got.Locations, &got.Sets, &got.Places} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.source, diff)
		}
		if p.Kind() != c.kind || p.String() != c.source {
			t.Errorf("%s %s", p.Kind(), p)
		}
	}
}

func TestFloor(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{`age > days(1)`: 0, `archived >= 2`: 2, `archived > 2`: 3, `archived >= 1 && (archived >= 3 || released)`: 3} {
		p, _ := compile(expr.Delete, source)
		if got := p.Floor(); got != want {
			t.Errorf("%s: %d", source, got)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		"0s": time.Duration(0), "1.5s": 1500 * time.Millisecond, "10m": 10 * time.Minute, "3d 4h": 76 * time.Hour, "14d": 14*24*time.Hour + time.Minute,
		"-1h": -time.Hour, "0B": expr.Size{}, "999B": expr.Size{B: 999}, "50GB": expr.Size{B: 50e9}, "1.5TB": expr.Size{B: 1.5e12}, "-2KB": expr.Size{B: -2000},
		`"a"`: "a", "7": 7, "true": true,
	} {
		if got := expr.Format(v); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
