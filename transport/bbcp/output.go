package bbcp

import (
	"bytes"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/ccatobs/cdt/transport/ssh"
)

// longestLine is as much of a line as is looked at.
const longestLine = 4 << 10

// output reads what bbcp says while it runs. It keeps the end of it for the
// failure, whatever the length. It may be written and asked at once.
type output struct {
	tail ssh.Tail

	mu      sync.Mutex
	line    []byte
	current string // name of the file that is being written: the last "Creating"
	percent int64  // of the current file; 0 until said
	steps   int    // grows whenever the output says that bytes moved

	hushed bool // what is said does not count any more

	bound   string // the window that binds; "": none does
	reduced func() // called when that window does not come about
}

// Write implements [io.Writer]. It never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		part := rest
		if i >= 0 {
			part = rest[:i]
		}
		if room := longestLine - len(o.line); room > 0 {
			o.line = append(o.line, part[:min(room, len(part))]...)
		}
		if i < 0 {
			break
		}
		o.read(string(o.line))
		o.line, rest = o.line[:0], rest[i+1:]
	}
	return len(p), nil
}

// read takes one line for what it is.
func (o *output) read(line string) {
	if percent, rate, ok := parseProgress(line); ok {
		if percent > o.percent && percent <= 100 {
			o.percent = percent
			o.steps++
		} else if rate > 0 {
			o.steps++
		}
		return
	}
	if path, ok := strings.CutPrefix(line, "bbcp: Creating "); ok {
		o.current, o.percent = filepath.Base(strings.TrimSpace(path)), 0
		o.steps++
		return
	}
	if strings.HasPrefix(line, "File ") && strings.Contains(line, " created; ") {
		o.steps++
		return
	}
	if o.bound != "" && narrows(line, o.bound) {
		o.reduced()
	}
	if !o.hushed {
		_, _ = o.tail.Write([]byte(line + "\n"))
	}
}

// hush keeps nothing that is said from now on: who is ended because nothing moves complains of that, not of why nothing has moved.
func (o *output) hush() {
	_ = o.text() // with the line that is not over
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hushed = true
}

// state is which file is being written, how far, and how often something was said to have moved.
func (o *output) state() (current string, percent int64, steps int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.current, o.percent, o.steps
}

// text is the end of what was said, without progress.
func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.read(string(o.line))
		o.line = o.line[:0]
	}
	return o.tail.String()
}

// parseProgress reads "bbcp: 261121 06:41:42  22% done; 257.4 MB/s, avg 257.4 MB/s". The
// percentage is 0 where bbcp knows none ("not done"); the rate, in bytes a second, is the first one of
// the line: with -v the present one, without it the average.
func parseProgress(line string) (percent int64, rate float64, ok bool) {
	fields := strings.Fields(line)
	// bbcp: date time how done; number unit …
	if len(fields) < 7 || fields[0] != "bbcp:" || fields[4] != "done;" {
		return 0, 0, false
	}
	if text, ok := strings.CutSuffix(fields[3], "%"); ok {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return 0, 0, false
		}
		percent = n
	} else if fields[3] != "not" {
		return 0, 0, false
	}
	if rate, ok = parseRate(fields[5], strings.TrimSuffix(fields[6], ",")); !ok {
		return 0, 0, false
	}
	return percent, rate, true
}

// parseRate reads a number and B/s, KB/s, MB/s, … of 1024. What is no number bbcp could move bytes with is 0.
func parseRate(number, unit string) (float64, bool) {
	prefix, ok := strings.CutSuffix(unit, "B/s")
	exponent := strings.Index("KMGTEZY", prefix)
	if !ok || len(prefix) > 1 || exponent < 0 {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimPrefix(number, "-"), 64) // "-nan" is one of its numbers
	if err != nil {
		return 0, false
	}
	if math.IsNaN(n) || math.IsInf(n, 0) || number[0] == '-' {
		return 0, true
	}
	if prefix != "" {
		n *= math.Pow(1024, float64(exponent+1))
	}
	return n, true
}
