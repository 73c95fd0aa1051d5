package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
)

func names() expr.Names {
	return expr.Names{
		Locations: []string{"ccat.buffer", "cologne.buffer", "cologne.lta", "cornell.lta"},
		Sets:      []string{"archives", "landing"},
	}
}

func compile(kind expr.Kind, source string) (*expr.Program, []diag.Problem) {
	var list diag.List
	p := expr.Compile(kind, source, expr.At(diag.Place{File: "r.yaml", Line: 7, Column: 1}), names(), &list)
	return p, list.Problems()
}

func TestGoodExpressions(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 4, 1, 12, 30, 0, 0, time.UTC)
	env := expr.Env{
		Package: expr.Package{Number: 7, Bytes: expr.Size{B: 5e9}, Files: 12, Age: 3 * time.Hour, ObservedAt: noon.Add(-48 * time.Hour),
			Instrument: "primecam", Program: "Cal", Tags: []string{"night", "cal"}},
		Group:    expr.Group{Bytes: expr.Size{B: 50e9}, Files: 3, Idle: 11 * time.Minute, Program: "GEco"},
		Archived: 2, Copies: 3, Age: 15 * 24 * time.Hour, Requested: true, Now: noon,
		From: expr.Place{Free: expr.Size{B: 2e12}, Site: "ccat", Type: "buffer"}, Link: expr.Link{Up: true, Backlog: expr.Size{B: 1e12}},
		At:          func(l string) bool { return l == "cologne.lta" },
		ArchivedAll: func(s string) bool { return s == "archives" },
	}
	for _, c := range []struct {
		kind   expr.Kind
		source string
		want   any
	}{
		{expr.When, `true`, true},
		{expr.When, `requested`, true},
		{expr.When, `not released and requested`, true},
		{expr.When, `!(archived >= 3)`, true},
		{expr.When, `archived == 1 || copies > 2`, true},
		{expr.When, `1 < archived < 3`, true},
		{expr.When, `package.program in ["Cal", "ENG"]`, true},
		{expr.When, `package.program not in ["Cal"]`, false},
		{expr.When, `"cal" in package.tags && package.number in [1, 7]`, true},
		{expr.When, `package.instrument startsWith "prime"`, true},
		{expr.When, `package.name == ""`, true},
		{expr.When, `package.age < hours(4) && package.bytes < GiB(5)`, true},
		{expr.When, `now - package.observed_at >= days(2)`, true},
		{expr.When, `now >= package.observed_at + days(2)`, true},
		{expr.When, `age >= days(14) + hours(23)`, true},
		{expr.When, `cron("* 12-18 * * *")`, true},
		{expr.When, `cron("CRON_TZ=America/Santiago * 12-18 * * *")`, false},
		{expr.When, `from.free >= TB(1) && from.site == "ccat" && here.type == "buffer"`, true},
		{expr.When, `link.up && link.backlog <= TB(1)`, true},
		{expr.When, `at("cologne.lta") and not at("cornell.lta")`, true},
		{expr.When, `archived_all("archives") == true`, true},
		{expr.When, `requested ? archived >= 1 : false`, true},
		{expr.Priority, `0`, 0},
		{expr.Priority, `package.program == "Cal" ? 10 : 0`, 10},
		{expr.Priority, `archived >= 3 ? 10 : requested ? -5 : 1`, -5},
		{expr.Priority, `-package.files * 2 + 1`, nil},
		{expr.Priority, `package.files * 2 + 1`, 25},
		{expr.Select, `group.program != "ENG"`, true},
		{expr.Close, `group.finished || group.bytes >= GB(50) || group.idle >= minutes(10)`, true},
		{expr.Close, `group.files >= 10`, false},
		{expr.Delete, `age >= days(14)`, true},
		{expr.Delete, `archived >= 2`, true},
		{expr.Delete, `archived > 2 || released && age >= days(3)`, false},
		{expr.Delete, `archived_all("landing")`, false},
	} {
		t.Run(string(c.kind)+" "+c.source, func(t *testing.T) {
			t.Parallel()
			p, problems := compile(c.kind, c.source)
			if c.want == nil {
				if len(problems) == 0 {
					t.Fatal("compiled")
				}
				return
			}
			if p == nil {
				t.Fatal(problems)
			}
			var got any
			var err error
			if c.kind == expr.Priority {
				got, err = p.Int(env)
			} else {
				got, err = p.Bool(env)
			}
			if err != nil || got != c.want {
				t.Errorf("= %v (%v), want %v", got, err, c.want)
			}
			for _, term := range p.Terms(env) {
				t.Logf("%+v", term)
			}
		})
	}
}

func TestBadExpressions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   expr.Kind
		source string
		column int // from 1
		code   string
		words  string // in message or hint
	}{
		{expr.When, ``, 1, diag.ExprSyntax, "empty"},
		{expr.When, `requested &&`, 12, diag.ExprSyntax, "too early"},
		{expr.When, `archived = 2`, 10, diag.ExprSyntax, "equality is written =="},
		{expr.When, `age >= 14d`, 8, diag.ExprSyntax, "write days(14)"},
		{expr.When, `package.bytes > 50GB || true`, 17, diag.ExprSyntax, "write GB(50)"},
		{expr.When, `archived => 2`, 10, diag.ExprSyntax, "write >="},
		{expr.When, `requested AND released`, 11, diag.ExprSyntax, "write and"},
		{expr.When, `requested & released`, 11, diag.ExprSyntax, "&&"},
		{expr.When, `archived >= 2)`, 14, diag.ExprSyntax, `")"`},
		{expr.When, `archived >= 99999999999999999999`, 13, diag.ExprOverflow, "count"},
		{expr.When, `package.program == Cal`, 20, diag.ExprUnknown, `"Cal"`},
		{expr.When, `"é" in package.tags && archivd >= 1`, 24, diag.ExprUnknown, "archived"},
		{expr.When, `requested requested`, 11, diag.ExprSyntax, "requested"},
		{expr.When, `"open`, 6, diag.ExprSyntax, "not terminated"},
		{expr.When, strings.Repeat("requested || ", 300) + "true", 1, diag.ExprTooLong, "characters"},
		{expr.When, strings.Repeat("true||", 120) + "true", 1, diag.ExprTooLong, "parts"},
		{expr.When, strings.Repeat("requested < (", 60) + "true" + strings.Repeat(") < requested", 60), 1, diag.ExprTooLong, "parts"},
		{expr.When, strings.Repeat("(", 60) + "requested" + strings.Repeat(" ?: true)", 60), 1, diag.ExprTooLong, "parts"},
		{expr.When, `{{ requested }}`, 1, diag.ExprNotAllowed, "templates"},
		{expr.When, `let x = 1; x > 0`, 5, diag.ExprNotAllowed, "let"},
		{expr.When, `requested; released`, 1, diag.ExprNotAllowed, "several"},
		{expr.When, `if requested { true } else { false }`, 4, diag.ExprNotAllowed, "? one : other"},
		{expr.When, `14 | days() <= age`, 4, diag.ExprNotAllowed, "pipes"},
		{expr.When, `package.name matches "^a"`, 14, diag.ExprNotAllowed, "startsWith"},
		{expr.When, `package.name == nil`, 17, diag.ExprNotAllowed, "nil"},
		{expr.When, `package?.name == "a"`, 1, diag.ExprNotAllowed, "?."},
		{expr.When, `(package.name ?? "a") == "b"`, 15, diag.ExprNotAllowed, "??"},
		{expr.When, `archived in 1..3`, 14, diag.ExprNotAllowed, ".."},
		{expr.When, `filter(package.tags, # == "x") == package.tags`, 1, diag.ExprUnknown, "filter"},
		{expr.When, `len(package.tags) > 0`, 1, diag.ExprUnknown, "len"},
		{expr.When, `package.tags[0] == "x"`, 1, diag.ExprNotAllowed, "fields"},
		{expr.When, `package.name.len() == 2`, 1, diag.ExprNotAllowed, "methods"},
		{expr.When, `archived / 0 == 1`, 10, diag.ExprNotAllowed, "/"},
		{expr.When, `archived == 2.0`, 13, diag.ExprNotAllowed, "whole numbers"},
		{expr.When, `{"a": 1}`, 1, diag.ExprNotAllowed, "not part"},
		{expr.When, `_sge(package.bytes, GB(1))`, 1, diag.ExprUnknown, "_sge"},
		{expr.When, `now() > package.observed_at`, 1, diag.ExprUnknown, "now"},
		{expr.When, `archivd >= 2`, 1, diag.ExprUnknown, "archived"},
		{expr.When, `package.byte >= GB(1)`, 9, diag.ExprUnknown, "bytes"},
		{expr.When, `requested || package.progam == "Cal"`, 22, diag.ExprUnknown, "program"},
		{expr.When, `package`, 1, diag.ExprUnknown, "fields"},
		{expr.When, `archived.sites >= 2`, 10, diag.ExprUnknown, "no fields"},
		{expr.When, `day(3) < age`, 1, diag.ExprUnknown, "days"},
		{expr.When, `days < age`, 1, diag.ExprCall, "days(…)"},
		{expr.When, `archived() > 1`, 1, diag.ExprCall, "archived"},
		{expr.When, `age > days()`, 7, diag.ExprCall, "one argument"},
		{expr.When, `age > days(1, 2)`, 7, diag.ExprCall, "one argument"},
		{expr.When, `at("cologne.lt")`, 5, diag.ExprUnknown, "cologne.lta"},
		{expr.When, `archived_all("archive")`, 15, diag.ExprUnknown, "archives"},
		{expr.When, `at(package.name)`, 4, diag.ExprLiteral, "as it is written"},
		{expr.When, `age > days(archived)`, 12, diag.ExprLiteral, "whole number"},
		{expr.When, `age > days(1 + 1)`, 12, diag.ExprLiteral, "whole number"},
		{expr.When, `age > days(-1)`, 12, diag.ExprLiteral, "whole number"},
		{expr.When, `age > days(1.5)`, 12, diag.ExprLiteral, "whole number"},
		{expr.When, `age > days(9223372036854775807)`, 12, diag.ExprOverflow, "count"},
		{expr.When, `age > days(106751) + days(106751)`, 20, diag.ExprOverflow, "count"},
		{expr.When, `package.bytes > PB(10000)`, 20, diag.ExprOverflow, "count"},
		{expr.When, `age > days(1) - days(2)`, 15, diag.ExprOverflow, "negative"},
		{expr.When, `age >= 14`, 8, diag.ExprType, "days(14)"},
		{expr.When, `50 <= package.bytes`, 1, diag.ExprType, "GB(50)"},
		{expr.When, `package.bytes >= minutes(50)`, 18, diag.ExprType, "a size is compared with a duration"},
		{expr.When, `archived >= days(2)`, 13, diag.ExprType, "a duration"},
		{expr.When, `now > days(2)`, 7, diag.ExprType, "a time is compared with a duration"},
		{expr.When, `age == days(2)`, 5, diag.ExprType, "instant"},
		{expr.When, `package.name > "a"`, 14, diag.ExprType, "=="},
		{expr.When, `package.tags == "a"`, 1, diag.ExprType, "in package.tags"},
		{expr.When, `"a" in package.name`, 8, diag.ExprType, "list"},
		{expr.When, `1 in package.tags`, 1, diag.ExprType, "list"},
		{expr.When, `package.name in ["a", 1]`, 23, diag.ExprType, "begins with"},
		{expr.When, `package.name in []`, 17, diag.ExprNotAllowed, "empty"},
		{expr.When, `package.tags contains "a"`, 1, diag.ExprType, "in package.tags"},
		{expr.When, `package.name contains package.program`, 23, diag.ExprLiteral, "as it is written"},
		{expr.When, `archived`, 1, diag.ExprType, "archived >= 2"},
		{expr.When, `requested && age`, 14, diag.ExprType, "age >= days(14)"},
		{expr.When, `!archived >= 2`, 2, diag.ExprType, "brackets"},
		{expr.When, `GB(1) < GB(2)`, 1, diag.ExprConstant, "never changes"},
		{expr.When, `age * 2 > days(1)`, 5, diag.ExprArithmetic, "other side"},
		{expr.When, `package.name + "a" == "ba"`, 14, diag.ExprArithmetic, "no meaning"},
		{expr.When, `from.used >= to.used`, 14, diag.ExprFact, "constants only"},
		{expr.When, `package.bytes <= to.free`, 1, diag.ExprFact, "constants only"},
		{expr.When, `from.site == package.name`, 14, diag.ExprFact, "constants only"},
		{expr.When, `from.used - GB(1) > GB(2)`, 1, diag.ExprFact, "arithmetic"},
		{expr.When, `group.finished`, 1, diag.ExprNotHere, ""},
		{expr.When, `cron("* * *")`, 7, diag.ExprCron, "5 fields"},
		{expr.When, `cron("* * 30 2 *")`, 7, diag.ExprCron, "no such minute"},
		{expr.Priority, `requested`, 1, diag.ExprType, "must be a number"},
		{expr.Priority, `package.bytes`, 1, diag.ExprType, "must be a number"},
		{expr.Priority, `link.up ? 1 : 0`, 1, diag.ExprNotHere, "priority"},
		{expr.Priority, `to.free > GB(1) ? 1 : 0`, 1, diag.ExprNotHere, "priority"},
		{expr.Priority, `requested ? 1 : "a"`, 17, diag.ExprType, "a text"},
		{expr.Priority, `package.number * package.number`, 16, diag.ExprArithmetic, "product"},
		{expr.Priority, `package.number * 10000000`, 18, diag.ExprOverflow, "go up to"},
		{expr.Select, `package.program == "a"`, 1, diag.ExprNotHere, "group.program"},
		{expr.Select, `group.bytes > GB(1)`, 1, diag.ExprNotHere, "instrument"},
		{expr.Select, `archived >= 1`, 1, diag.ExprNotHere, "select"},
		{expr.Close, `at("cologne.lta")`, 1, diag.ExprNotHere, "close_when"},
		{expr.Close, `age > days(1)`, 1, diag.ExprNotHere, "group.idle"},
		{expr.Close, `copies > 1`, 1, diag.ExprNotHere, "close_when"},
		{expr.Delete, `archived == 2`, 1, diag.ExprArchived, ">= or >"},
		{expr.Delete, `archived < 2`, 1, diag.ExprArchived, ">= or >"},
		{expr.Delete, `2 <= archived`, 6, diag.ExprArchived, ">= or >"},
		{expr.Delete, `archived >= copies`, 1, diag.ExprArchived, ">= or >"},
		{expr.Delete, `!(archived >= 2)`, 3, diag.ExprArchived, "denied"},
		{expr.Delete, `(archived >= 2) == false`, 2, diag.ExprArchived, "denied"},
		{expr.Delete, `archived >= 2 ? false : true`, 1, diag.ExprArchived, "denied"},
		{expr.Delete, `archived in [1, 2]`, 1, diag.ExprArchived, ">= or >"},
		{expr.Delete, `-archived >= -2`, 2, diag.ExprArchived, "as it is"},
		{expr.Delete, `archived - 1 >= 2`, 1, diag.ExprFact, "arithmetic"},
		{expr.Delete, `link.up`, 1, diag.ExprNotHere, "here"},
		{expr.Delete, `from.used > GB(1)`, 1, diag.ExprNotHere, "here"},
	} {
		t.Run(string(c.kind)+" "+c.source[:min(len(c.source), 60)], func(t *testing.T) {
			t.Parallel()
			p, problems := compile(c.kind, c.source)
			if p != nil || len(problems) == 0 {
				t.Fatal("compiled")
			}
			got := problems[0]
			if got.Code != c.code || got.Place.Column != c.column || !strings.Contains(got.Message+" "+got.Hint, c.words) || len(problems) > 1 {
				t.Errorf("want %s at column %d with %q, got\n%v", c.code, c.column, c.words, problems)
			}
		})
	}
}

func TestAllProblemsOfAnExpressionAtOnce(t *testing.T) {
	t.Parallel()
	_, problems := compile(expr.When, `archivd >= 2 || package.byte >= GB(1) || age >= 3`)
	if len(problems) != 3 {
		t.Errorf("got %v", problems)
	}
}
