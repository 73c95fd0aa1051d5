package ssh

import "sync"

// mostTail is how much of what a program says is kept.
const mostTail = 16 << 10

// Tail keeps the end of what a program says: enough to tell what went wrong,
// however much it babbles. It may be written and read at once.
type Tail struct {
	mu  sync.Mutex
	end []byte
}

// Write implements [io.Writer]. It never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if len(t.end) > 2*mostTail {
		t.end = append(t.end[:0], t.end[len(t.end)-mostTail:]...)
	}
	return len(p), nil
}

// String is the end of what was said.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end[max(0, len(t.end)-mostTail):])
}
