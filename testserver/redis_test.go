//go:build servers

package testserver_test

import (
	"net"
	"testing"

	"github.com/ccatobs/cdt/testserver"
)

func TestRedisComesBackOnItsPortAndEndsFrozen(t *testing.T) {
	t.Parallel()
	var addr string
	t.Run("while it runs", func(t *testing.T) {
		r := testserver.Redis(t)
		addr = r.Addr
		reach(t, addr, true)
		r.Kill()
		reach(t, addr, false)
		r.Start()
		reach(t, addr, true)
		r.Freeze()
		r.Thaw()
		r.Freeze() // it must end all the same
	})
	reach(t, addr, false)
}

func reach(t *testing.T, addr string, want bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if (err == nil) != want {
		t.Errorf("a connection gives %v", err)
	}
	if err == nil {
		_ = c.Close()
	}
}
