package rsync

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// output reads rsync's progress (--info=progress2): lines that end in a carriage return,
// whose first word is how many bytes are through, with commas. What is no such line is babble.
type output struct {
	mu   sync.Mutex
	rest []byte
	most int64
}

// mostLine is more than a line of progress has.
const mostLine = 4096

// Write implements [io.Writer]. It never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = append(o.rest, p...)
	for {
		i := bytes.IndexAny(o.rest, "\r\n")
		if i < 0 {
			break
		}
		o.line(string(o.rest[:i]))
		o.rest = o.rest[i+1:]
	}
	if len(o.rest) > mostLine {
		o.rest = nil
	}
	return len(p), nil
}

func (o *output) line(text string) {
	words := strings.Fields(text)
	if len(words) < 2 || !strings.HasSuffix(words[1], "%") {
		return
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(words[0], ",", ""), 10, 64)
	if err == nil && n > o.most {
		o.most = n
	}
}

// bytes is how many bytes rsync says are through.
func (o *output) bytes() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.most
}
