package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// screen is a few lines at the end of a terminal that are drawn again and
// again, with lasting lines above them; in a pipe there are only lasting lines.
type screen struct {
	out      io.Writer
	terminal bool
	colour   bool
	size     func() (width, height int)

	mu    sync.Mutex
	drawn int // lines to be erased before the next ones
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, size: func() (int, int) { return 80, 24 }}
	if f, isFile := out.(*os.File); isFile && term.IsTerminal(int(f.Fd())) {
		s.terminal, s.colour = true, os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		s.size = func() (int, int) {
			w, h, err := term.GetSize(int(f.Fd()))
			if err != nil || w <= 0 || h <= 0 {
				return 80, 24
			}
			return w, h
		}
	}
	return s
}

// line says something that stays.
func (s *screen) line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%s"+format+"\n", append([]any{s.erase()}, args...)...)
}

// draw replaces the lines at the end of a terminal; they never scroll away.
func (s *screen) draw(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	width, height := s.size()
	if len(lines) > height-1 {
		lines = append(lines[:max(height-2, 0)], "…")
	}
	var b strings.Builder
	b.WriteString(s.erase())
	for _, l := range lines {
		b.WriteString(cut(l, width-1) + "\n")
	}
	fmt.Fprint(s.out, b.String())
	s.drawn = len(lines)
}

// keep lets what was drawn last stay where it is.
func (s *screen) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawn = 0
}

// erase is what takes the lines drawn last away again; s.mu is held.
func (s *screen) erase() string {
	if s.drawn == 0 {
		return ""
	}
	n := s.drawn
	s.drawn = 0
	return fmt.Sprintf("\x1b[%dA\r\x1b[J", n)
}

// every calls do at once and then again and again in a goroutine, until the function returned is called.
func every(d time.Duration, do func()) (stop func()) {
	tick, end, done := time.NewTicker(d), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			do()
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(end); <-done }
}

// cut is the first columns of a line; colours take none.
func cut(line string, columns int) string {
	n, escape := 0, false
	for i, r := range line {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			if n == columns {
				return line[:i] + reset(line[:i])
			}
			n++
		}
	}
	return line
}

// reset ends the colour a line was cut in.
func reset(line string) string {
	if strings.Contains(line, "\x1b") {
		return "\x1b[0m"
	}
	return ""
}

// bar is a share of a whole as a bar of so many columns.
func bar(share float64, columns int) string {
	const parts = 8 // of a column
	n := int(max(0, min(share, 1))*float64(columns*parts) + 0.5)
	if share > 0 && n == 0 {
		n = 1
	}
	b := strings.Repeat("█", n/parts)
	if rest := n % parts; rest > 0 {
		b += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return b + strings.Repeat("·", columns-len([]rune(b)))
}

// colours of the terminal, by what they stand for.
const (
	dim   = "\x1b[2m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
)

// in is text in a colour, if the terminal has colours.
func (s *screen) in(colour, text string) string {
	if !s.colour {
		return text
	}
	return colour + text + "\x1b[0m"
}
