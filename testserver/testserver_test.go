package testserver_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
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

func TestPortIsFree(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", testserver.Port(t)))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
