package bbcp

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// errNarrow ends a standing call whose windows came out smaller than they were to be.
var errNarrow = errors.New("the other end allows smaller windows (net.core.rmem_max) than the link needs")

// narrows reports whether a line says that a window which was to bind does not come about: bbcp, that the other end made it smaller;
// a login shell there that takes =N for something of its own (zsh, tcsh), that it knows none.
func narrows(line, window string) bool {
	return strings.Contains(line, "indow size reduced to ") || strings.Contains(line, window+" not found") || strings.Contains(line, "irectory stack not that deep")
}

// binds says whether a standing call may hold its streams to their windows: these are known, and the kernel here
// allows them. Streams of a line that are held to what fits on it lose nothing at its narrowest place, so none of them
// slows down (ADR 0060). Windows that are narrower than the line would slow it: then the kernel had better size them.
func (o Options) binds() bool {
	if o.given.window == 0 && (o.Bandwidth == 0 || o.RTT == 0) {
		return false
	}
	return mostSent() >= o.Window
}

// mostSent is the largest buffer a program may ask the kernel for to send from (net.core.wmem_max). Where that cannot be read it is nothing.
func mostSent() int64 {
	text, err := os.ReadFile("/proc/sys/net/core/wmem_max")
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// unbind ends a standing call whose windows the other end made smaller; those that follow leave theirs to the kernels.
func (t *Standing) unbind(s *standing) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.narrow = true
	s.stop(errNarrow)
}
