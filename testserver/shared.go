package testserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Shared is what several tests of a package share: made for the first that asks, and gone when all have ended. For a
// server that is started once,
//
//	func TestMain(m *testing.M) { shared.Run(m) }
//
// and testserver.Postgres(shared.For(t)), in a [sync.Once].
type Shared struct {
	over     bool
	wrong    []string // at the end
	cleanups []func()
}

// Run runs the tests, then the clean-ups; if these go wrong, it panics, as no test is left that could fail.
func (s *Shared) Run(m *testing.M) {
	m.Run()
	s.over = true
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	if len(s.wrong) > 0 {
		panic("clean up: " + strings.Join(s.wrong, "\n"))
	}
}

// For is a test that asks for what is shared: it fails if that cannot be had, and what it has made lasts until all have ended.
// One at a time may ask.
func (s *Shared) For(t testing.TB) testing.TB { return asking{t, s} }

type asking struct {
	testing.TB
	shared *Shared
}

func (a asking) Cleanup(f func()) { a.shared.cleanups = append(a.shared.cleanups, f) }

func (a asking) Logf(format string, args ...any) {
	if !a.shared.over {
		a.TB.Logf(format, args...)
	}
}

func (a asking) Errorf(format string, args ...any) {
	if !a.shared.over {
		a.TB.Errorf(format, args...)
		return
	}
	a.shared.wrong = append(a.shared.wrong, fmt.Sprintf(format, args...))
}
