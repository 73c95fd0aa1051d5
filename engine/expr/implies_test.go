package expr_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/engine/expr"
)

func TestImplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p, q string
		want bool
	}{
		{`age >= days(14)`, `age >= days(14)`, true},
		{`age >= days(20)`, `age >= days(14)`, true},
		{`age >= days(13)`, `age >= days(14)`, false},
		{`age >= hours(337)`, `age >= days(14)`, true},
		{`age > days(14)`, `age >= days(14)`, true},
		{`age >= days(14)`, `age > days(14)`, false},
		{`age < days(1)`, `age < days(2)`, true},
		{`age < days(2)`, `age < days(1)`, false},
		{`age < days(2)`, `age >= days(1)`, false},
		{`archived >= 3`, `archived >= 2`, true},
		{`archived > 1`, `archived >= 2`, false}, // true, and not proved
		{`archived >= 2`, `copies >= 2`, false},
		{`released && age >= days(3)`, `age >= days(3)`, true},
		{`age >= days(3)`, `released && age >= days(3)`, false},
		{`age >= days(3)`, `age >= days(3) || released`, true},
		{`age >= days(3) || released`, `age >= days(3)`, false},
		{`age >= days(9) || released && archived >= 2`, `age >= days(3) || released`, true},
		{`false`, `released`, true},
		{`released`, `true`, true},
		{`true`, `released`, false},
		{`at("cologne.lta")`, `at("cornell.lta")`, false},
		{`not released`, `released`, false},
		{`package.program == "a"`, `package.program == "b"`, false},
	} {
		p, _ := compile(expr.Delete, c.p)
		q, _ := compile(expr.Delete, c.q)
		if p == nil || q == nil {
			t.Fatal(c)
		}
		if got := p.Implies(q); got != c.want {
			t.Errorf("%s implies %s: %v", c.p, c.q, got)
		}
	}
	released, _ := compile(expr.Delete, `released`)
	var always *expr.Program
	if always.Implies(released) || !released.Implies(always) || !always.Implies(nil) {
		t.Error("nil always holds")
	}
}

// Whatever is proved holds: the edit of a rule must not pass as stricter when it is not.
func TestImpliesIsSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := source(t, 2)
		other := rapid.SampledFrom([]string{s + " || " + source(t, 1), "(" + s + ") && (" + source(t, 1) + ")", source(t, 2),
			"age >= days(3)", "age > hours(72)", "package.age < days(9)", "package.age <= hours(9)"}).Draw(t, "other")
		p, _ := compile(expr.When, s)
		q, _ := compile(expr.When, other)
		if p == nil || q == nil {
			t.Fatal(s, other)
		}
		for range 5 {
			env := environment(t)
			a, errA := p.Bool(env)
			b, errB := q.Bool(env)
			if errA != nil || errB != nil {
				t.Fatal(errA, errB)
			}
			if a && !b && p.Implies(q) || b && !a && q.Implies(p) {
				t.Fatalf("%s\nand\n%s\nare %v and %v, and one is said to imply the other", s, other, a, b)
			}
		}
	})
}
