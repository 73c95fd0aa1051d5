package engine

import (
	"time"

	"github.com/ccatobs/cdt/engine/expr"
)

func truth(p *expr.Program, env expr.Env) (bool, error) {
	return any(p).(interface{ Bool(expr.Env) (bool, error) }).Bool(env)
}
func number(p *expr.Program, env expr.Env) (int, error) {
	return any(p).(interface{ Int(expr.Env) (int, error) }).Int(env)
}
func nextChange(p *expr.Program, env expr.Env, now time.Time) time.Time {
	return any(p).(interface {
		Next(expr.Env, time.Time) time.Time
	}).Next(env, now)
}
func reads(p *expr.Program) expr.Reads {
	return any(p).(interface{ Reads() expr.Reads }).Reads()
}
func source(p *expr.Program) string { return any(p).(interface{ String() string }).String() }
func windowOpen(w *expr.Window, now time.Time) bool {
	return w == nil || any(w).(interface{ Open(time.Time) bool }).Open(now)
}
func windowNext(w *expr.Window, now time.Time) time.Time {
	return any(w).(interface{ Next(time.Time) time.Time }).Next(now)
}
