package expr

import (
	"math"
	"slices"
	"time"

	"github.com/expr-lang/expr/ast"
)

// timed is a comparison of durations or times, of which one side may grow by
// itself. Its sides are linear in time, so that the moment at which it changes can be computed.
type timed struct {
	node  *ast.BinaryNode
	known map[string]name
}

// line is a value that grows by slope nanoseconds each nanosecond. A time is at; a duration is d.
type line struct {
	isTime bool
	at     time.Time
	d      time.Duration
	slope  int64
}

// tick is the resolution of every clock of CDT.
const tick = time.Microsecond

// next returns when the comparison changes, counted from now; zero: never.
func (t timed) next(e *Env, now time.Time) time.Time {
	l, r := t.line(t.node.Left, e), t.line(t.node.Right, e)
	gap, slope := saturated(l.d, r.d), l.slope-r.slope
	if l.isTime {
		gap = l.at.Sub(r.at)
	}
	if slope == 0 {
		return time.Time{}
	}
	holds := func(after time.Duration) bool { return compare(gap+time.Duration(slope)*after, t.node.Operator) }
	for _, after := range candidates(gap, slope) {
		if holds(after) != holds(0) {
			return now.Add(after)
		}
	}
	return time.Time{}
}

// candidates are the moments around the one at which a gap that grows by slope
// is zero, in ticks, all later than now.
func candidates(gap time.Duration, slope int64) []time.Duration {
	zero := (-gap / time.Duration(slope)).Truncate(tick)
	if zero < -tick || zero > math.MaxInt64/4 {
		return nil
	}
	all := []time.Duration{zero - tick, zero, zero + tick, zero + 2*tick}
	return slices.DeleteFunc(all, func(d time.Duration) bool { return d <= 0 })
}

func compare(gap time.Duration, operator string) bool {
	switch operator {
	case "<":
		return gap < 0
	case "<=":
		return gap <= 0
	case ">":
		return gap > 0
	}
	return gap >= 0
}

// line returns one side as a line in time.
func (t timed) line(n ast.Node, e *Env) line {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return t.named(n.Value, e)
	case *ast.MemberNode:
		return t.named(n.Node.String()+"."+n.Property.(*ast.StringNode).Value, e)
	case *ast.CallNode:
		return constantLine(n)
	case *ast.BinaryNode:
		l, r := t.line(n.Left, e), t.line(n.Right, e)
		if n.Operator == "-" {
			return l.minus(r)
		}
		return l.plus(r)
	}
	return line{}
}

func (t timed) named(path string, e *Env) line {
	n := t.known[path]
	var out line
	if n.grows() {
		out.slope = 1
	}
	switch v := n.get(e).(type) {
	case time.Time:
		out.at, out.isTime = v, true
	case time.Duration:
		out.d = v
	}
	return out
}

// constantLine is days(14): the checker has seen to it that it is a whole number of a known unit.
func constantLine(n *ast.CallNode) line {
	for _, f := range allFunctions() {
		if f.name == n.Callee.(*ast.IdentifierNode).Value {
			return line{d: time.Duration(int64(n.Arguments[0].(*ast.IntegerNode).Value) * f.unit)}
		}
	}
	return line{}
}

func (l line) plus(r line) line {
	l.slope += r.slope
	if l.isTime {
		l.at = l.at.Add(r.d)
	}
	l.d += r.d
	return l
}

func (l line) minus(r line) line {
	slope := l.slope - r.slope
	if l.isTime && r.isTime {
		return line{d: l.at.Sub(r.at), slope: slope}
	}
	return line{isTime: l.isTime, at: l.at.Add(-r.d), d: l.d - r.d, slope: slope}
}

// saturated is a - b, or the nearest duration there is.
func saturated(a, b time.Duration) time.Duration {
	d := a - b
	switch {
	case a >= 0 && b < 0 && d < 0:
		return math.MaxInt64
	case a < 0 && b > 0 && d > 0:
		return math.MinInt64
	}
	return d
}
