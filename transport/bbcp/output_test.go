package bbcp

import (
	"strings"
	"testing"
	"time"
)

func TestParseProgress(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		percent int64
		rate    float64
		ok      bool
	}{
		"bbcp: 261121 06:41:42  22% done; 257.4 MB/s, avg 257.4 MB/s": {22, 257.4 * (1 << 20), true},
		"bbcp: 261121 06:41:42  0% done; 0.0 B/s":                     {0, 0, true},
		"bbcp: 261121 06:41:42  99% done; 1.5 KB/s, avg 2.0 GB/s":     {99, 1536, true},
		"bbcp: 261121 06:41:42  100% done; 2.0 GB/s":                  {100, 2 << 30, true},
		"bbcp: 261121 12:02:22  not done; 161.3 MB/s, avg 1.0 B/s":    {0, 161.3 * (1 << 20), true},
		"bbcp: 261121 12:02:18  3% done; -nan B/s, avg 94.2 MB/s":     {3, 0, true},
		"bbcp: 261121 12:02:18  3% done; inf B/s, avg 93.2 MB/s":      {3, 0, true},
		"bbcp: 261121 12:02:18  3% done; -5 B/s":                      {3, 0, true},
		"bbcp: 261121 12:02:18  3% done; many B/s":                    {},
		"bbcp: 261121 12:02:18  3% done; 5 furlongs":                  {},
		"bbcp: 261121 12:02:18  half% done; 5 B/s":                    {},
		"bbcp: 261121 12:02:18  half done; 5 B/s":                     {},
		"bbcp: Creating /d/big.tar":                                   {},
		"File /d/a.dat created; 5000000 bytes at 430.2 MB/s":          {},
		"": {},
	} {
		percent, rate, ok := parseProgress(line)
		if percent != want.percent || rate < want.rate*0.999 || rate > want.rate*1.001 || ok != want.ok {
			t.Errorf("%q: %d, %g, %v; want %+v", line, percent, rate, ok, want)
		}
	}
}

func FuzzOutput(f *testing.F) {
	f.Add("bbcp: Creating /d/a\nbbcp: 261121 06:41:42  22% done; 257.4 MB/s\nFile /d/a created; 1 bytes at 1 B/s\n", 3)
	f.Add("bbcp: x y 9223372036854775807% done; 1e308 YB/s\n"+strings.Repeat("x", 3*longestLine), 1000)
	f.Fuzz(func(t *testing.T, text string, step int) {
		var o output
		for rest := text; rest != ""; {
			n := min(len(rest), max(step, 1))
			if m, err := o.Write([]byte(rest[:n])); m != n || err != nil {
				t.Fatalf("wrote %d of %d, %v", m, n, err)
			}
			rest = rest[n:]
		}
		if _, percent, _ := o.state(); percent < 0 || percent > 100 {
			t.Errorf("%d%%", percent)
		}
		if len(o.text()) > 64<<10 || len(o.line) > longestLine {
			t.Errorf("it keeps %d bytes", len(o.text()))
		}
	})
}

func TestOutput(t *testing.T) {
	t.Parallel()
	var o output
	_, _ = o.Write([]byte("bbcp: Creating /d/.part/x.e.1\nbbcp: 261121 06:41:42  22% done; 257.4 MB/s\nbbcp: No such fi"))
	if current, percent, steps := o.state(); current != "x.e.1" || percent != 22 || steps != 2 {
		t.Errorf("%q, %d%%, %d steps", current, percent, steps)
	}
	if text := o.text(); text != "bbcp: No such fi\n" {
		t.Errorf("text %q", text)
	}
	for range 100 {
		_, _ = o.Write([]byte("bbcp: 261121 06:41:42  22% done; 0.0 B/s\n"))
	}
	if _, _, steps := o.state(); steps != 2 {
		t.Errorf("%d steps without bytes", steps)
	}
	_, _ = o.Write([]byte("bbcp: half a li"))
	o.hush()
	_, _ = o.Write([]byte("bbcp: Unexpected end of control stream from 10.0.0.1\n"))
	if text := o.text(); text != "bbcp: No such fi\nbbcp: half a li\n" {
		t.Errorf("text %q after it was hushed", text)
	}
}

func TestTuned(t *testing.T) {
	t.Parallel()
	const gigabit = 125_000_000
	for _, c := range []struct {
		name      string
		bandwidth int64
		rtt       time.Duration
		streams   int
		window    int64
	}{
		{"nothing known", 0, 0, 2, 128 << 10},
		{"a local network", gigabit, time.Millisecond, 2, 128 << 10},
		{"Chile to Europe at 1 Gbit/s", gigabit, 220 * time.Millisecond, 7, 3932160},
		{"Chile to Europe at 10 Gbit/s", 10 * gigabit, 220 * time.Millisecond, 32, 8650752},
		{"the moon", 1000 * gigabit, 3 * time.Second, 32, 1<<30 - 64<<10},
	} {
		streams, window := Tuned(c.bandwidth, c.rtt, 1, 0, 0)
		if streams != c.streams || window != c.window {
			t.Errorf("%s: %d streams of %d; want %d of %d", c.name, streams, window, c.streams, c.window)
		}
		if way := int64(float64(c.bandwidth) * c.rtt.Seconds()); int64(streams)*window < min(way, 32<<30-32*(64<<10)) {
			t.Errorf("%s: the windows hold %d of %d", c.name, int64(streams)*window, way)
		}
	}
	if s, w := Tuned(gigabit, time.Second, 1, 16, 8<<20); s != 16 || w != 8<<20 {
		t.Errorf("what was said is %d of %d", s, w)
	}
	// The standing call's windows hold an eighth more than what is on the way, over the streams it really has.
	o := Options{Bandwidth: gigabit / 5, RTT: 200 * time.Millisecond, AtOnce: 3}.withDefaults().forStanding()
	if o.Streams != 4 || o.Window != 22<<16 {
		t.Errorf("a standing call has %d streams of %d", o.Streams, o.Window)
	}
	// Four calls have a quarter of the streams each, and one that is alone holds all that is on the way.
	if s, w := Tuned(10*gigabit, 220*time.Millisecond, 4, 0, 0); s != 17 || int64(s)*w < 275_000_000 {
		t.Errorf("one of four calls has %d streams of %d", s, w)
	}
}
