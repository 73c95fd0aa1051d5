package expr_test

import (
	"testing"

	"github.com/ccatobs/cdt/engine/expr"
)

func BenchmarkBool(b *testing.B) {
	p, problems := compile(expr.Delete, `released && age >= days(3) || archived >= 2 && age >= days(14)`)
	if p == nil {
		b.Fatal(problems)
	}
	for b.Loop() {
		if _, err := p.Bool(expr.Env{Now: start}); err != nil {
			b.Fatal(err)
		}
	}
}
