package testserver

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// Shared is what several tests of a package share: made for the first that asks, and gone when all have ended. For a
// server that is started once,
//
//	func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }
//
// and testserver.Postgres(shared.For(t)), in a [sync.Once].
type Shared struct {
	over     bool
	failed   bool
	cleanups []func()
}

// Run runs the tests, then what clean-ups there are, and returns how to exit.
func (s *Shared) Run(m *testing.M) (code int) {
	code = m.Run()
	s.over = true
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	if s.failed && code == 0 {
		return 1
	}
	return code
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
	a.shared.failed = true
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
