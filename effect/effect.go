// Package effect marks the moments at which CDT changes the world outside of
// its own memory: a commit, a rename, an unlink, a sync.
//
// Every such moment calls [Point] right before and right after the act. In
// production Point does nothing. A test re-executes itself with [Kill] set
// and dies at the n-th point, so that a crash at every effect in turn is
// tried, not imagined.
//
// The package imports nothing of ours, and any package may import it.
package effect

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

// Environment variables that a re-executed test sets.
const (
	// Kill is the number (from 1) of the point at which the process kills itself with SIGKILL.
	Kill = "CDT_EFFECT_KILL"
	// Log is a file to which the name of every point passed is appended, one a line.
	Log = "CDT_EFFECT_LOG"
)

// Points counts the effects of one process.
type Points struct {
	passed atomic.Int64
	kill   int64
	log    *os.File
	// Hook, if set, is called with every name before the count is looked at.
	Hook func(name string)
}

type key struct{}

// FromEnvironment returns the points asked for by [Kill] and [Log], or nil if neither is set.
func FromEnvironment() (*Points, error) {
	p := &Points{}
	if s := os.Getenv(Kill); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, err
		}
		p.kill = n
	}
	if s := os.Getenv(Log); s != "" {
		f, err := os.OpenFile(s, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		p.log = f
	}
	if p.kill == 0 && p.log == nil {
		return nil, nil
	}
	return p, nil
}

// With returns a context in which [Point] counts on p. A nil p changes nothing.
func With(ctx context.Context, p *Points) context.Context {
	if p == nil {
		return ctx
	}
	return context.WithValue(ctx, key{}, p)
}

// Passed is the number of points passed so far.
func (p *Points) Passed() int64 { return p.passed.Load() }

// Point marks an effect. Names are "<package>.<act>.<before|after>".
func Point(ctx context.Context, name string) {
	p, ok := ctx.Value(key{}).(*Points)
	if !ok {
		return
	}
	if p.Hook != nil {
		p.Hook(name)
	}
	if p.log != nil {
		// One write a line with O_APPEND: whole lines even from several processes.
		_, _ = p.log.WriteString(name + "\n")
	}
	if p.passed.Add(1) == p.kill {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal arrives before anything else of this goroutine does
	}
}
