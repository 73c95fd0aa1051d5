package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestBar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		share float64
		want  string
	}{{0, "····"}, {1e-9, "▏···"}, {0.5, "██··"}, {0.53, "██▏·"}, {1, "████"}, {7, "████"}, {-1, "····"}} {
		if got := bar(c.share, 4); got != c.want {
			t.Errorf("bar(%g) is %q, want %q", c.share, got, c.want)
		}
	}
}

func TestCutLeavesColoursWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		n    int
		want string
	}{
		{"ünïcode", 3, "ünï"},
		{"short", 9, "short"},
		{green + "██··" + "\x1b[0m 5 MB", 4, green + "██··" + "\x1b[0m" + "\x1b[0m"},
		{green + "██··" + "\x1b[0m", 2, green + "██" + "\x1b[0m"},
	} {
		if got := cut(c.line, c.n); got != c.want {
			t.Errorf("cut(%q, %d) is %q, want %q", c.line, c.n, got, c.want)
		}
	}
}

// What is drawn again takes away what was drawn before, and never more lines than the terminal has.
func TestScreenNeverScrollsAway(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &screen{out: &out, terminal: true, size: func() (int, int) { return 10, 4 }}
	s.draw([]string{"a", "b"})
	s.draw([]string{strings.Repeat("x", 20)})
	s.line("stays")
	s.draw([]string{"1", "2", "3", "4", "5"})
	s.keep()
	s.line("after")
	want := "a\nb\n" + "\x1b[2A\r\x1b[J" + "xxxxxxxxx\n" + "\x1b[1A\r\x1b[J" + "stays\n" + "1\n2\n…\n" + "after\n"
	if out.String() != want {
		t.Errorf("wrote %q\nwant  %q", out.String(), want)
	}
}

func TestPipeHasNoEscapes(t *testing.T) {
	t.Parallel()
	_, errs := dtctl(t, exitGood, "demo", "--size", "1MB")
	if strings.Contains(errs, "\x1b") || !strings.Contains(errs, "day 14.0") {
		t.Errorf("in a pipe the demo says %q", errs)
	}
}
