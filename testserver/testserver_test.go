package testserver_test

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ccatobs/cdt/testserver"
)

// recorder is a test that notes how it failed.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestMissingProgramFailsAndSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		testserver.Need(r, "no-such-program", "no-such-package", t.TempDir())
	}()
	<-done
	if !strings.Contains(r.said, "apt-get install no-such-package") {
		t.Errorf("it said %q", r.said)
	}
}

// A port is free at once, however many programs are being started meanwhile.
func TestPortIsFree(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", testserver.Port(t)))
				if err != nil {
					t.Error(err)
					continue
				}
				if err := errors.Join(l.Close(), exec.CommandContext(t.Context(), "true").Run()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
