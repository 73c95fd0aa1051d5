package worker

import (
	"sync"

	"github.com/ccatobs/cdt/opsdb"
)

// breaker remembers the environment failures of locations, links and OpsDB, so that
// what is down is asked ever more rarely, and so that a task that fails where
// others succeed pays with attempts. It is a memory of this process only:
// forgotten, it costs some attempts at most.
type breaker struct {
	mu       sync.Mutex
	subjects map[string]*subject
	blamed   map[opsdb.ID]blame // by task
}

// subject is a location or link.
type subject struct {
	failed    int // in a row
	succeeded int // ever
}

// blame is what a task's last environment failure was about.
type blame struct {
	subject   string
	succeeded int // of the subject, then
}

// mostBlamed bounds the memory; when it is full it begins anew.
const mostBlamed = 10000

func newBreaker() *breaker {
	return &breaker{subjects: map[string]*subject{}, blamed: map[opsdb.ID]blame{}}
}

// failedAgain notes a failure of a task that blames a subject. inARow is how
// many there were since something succeeded; others says that something did
// since this very task failed there before.
func (b *breaker) failedAgain(name string, task opsdb.ID) (inARow int, others bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.subject(name)
	s.failed++
	before, again := b.blamed[task]
	if len(b.blamed) >= mostBlamed {
		clear(b.blamed)
	}
	b.blamed[task] = blame{name, s.succeeded}
	return s.failed, again && before.subject == name && before.succeeded < s.succeeded
}

// succeeded notes that a task did what it should with its subjects.
func (b *breaker) succeeded(task opsdb.ID, names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.blamed, task)
	for _, name := range names {
		s := b.subject(name)
		s.failed = 0
		s.succeeded++
	}
}

func (b *breaker) subject(name string) *subject {
	if b.subjects[name] == nil {
		b.subjects[name] = &subject{}
	}
	return b.subjects[name]
}
