package expr_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ccatobs/cdt/engine/expr"
)

func TestWindowEdges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		source, now string
		open        bool
		next        string
	}{
		{"* 20-23,0-6 * * *", "2026-11-21T12:00:00Z", false, "2026-11-21T20:00:00Z"},
		{"* 20-23,0-6 * * *", "2026-11-21T23:59:59Z", true, "2026-11-22T07:00:00Z"},
		{"* * * * *", "2026-11-21T12:00:00Z", true, ""},
		{"*/2 * * * *", "2026-11-21T12:00:30Z", true, "2026-11-21T12:01:00Z"},
		{"30 4 1 * *", "2026-11-21T12:00:00Z", false, "2026-12-01T04:30:00Z"},
		{"* * * * 6,0", "2026-11-20T12:00:00Z", false, "2026-11-21T00:00:00Z"},
		{"* * * * 6,0", "2026-11-21T12:00:00Z", true, "2026-11-23T00:00:00Z"},
		{"* * * 2-11 *", "2026-11-21T12:00:00Z", true, "2026-12-01T00:00:00Z"},
		{"* * 1 * 1", "2026-11-21T12:00:00Z", false, "2026-11-23T00:00:00Z"}, // either is enough
		{"0 0 29 2 *", "2026-11-21T12:00:00Z", false, "2028-02-29T00:00:00Z"},
		{"CRON_TZ=America/Santiago * 20-23 * * *", "2026-11-21T22:00:00Z", false, "2026-11-21T23:00:00Z"},
		{"CRON_TZ=Europe/Berlin * 2 * * *", "2027-03-28T00:00:00Z", false, "2027-03-29T00:00:00Z"}, // no 2 o'clock that day
		{"CRON_TZ=Europe/Berlin * 2 * * *", "2026-10-25T00:00:00Z", true, "2026-10-25T02:00:00Z"},  // it comes twice
	} {
		t.Run(c.source+" at "+c.now, func(t *testing.T) {
			t.Parallel()
			w, err := expr.ParseWindow(c.source)
			if err != nil {
				t.Fatal(err)
			}
			now, _ := time.Parse(time.RFC3339, c.now)
			got := ""
			if next := w.Next(now); !next.IsZero() {
				got = next.Format(time.RFC3339)
			}
			if w.Open(now) != c.open || got != c.next {
				t.Errorf("open %v, next %s; want %v, %s", w.Open(now), got, c.open, c.next)
			}
		})
	}
}

func TestBadWindows(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "* * * *", "* * * * * *", "@daily", "@every 1h", "60 * * * *", "* 22-6 * * *", "CRON_TZ=UTC", "CRON_TZ=Mars/Olympus * * * * *",
		"TZ=UTC * * * * *", "0 0 30 2 *", ", * * * *", "1,,2 * * * *", "CRON_TZ=", "CRON_TZ= * * * * *", "CRON_TZ=Local * * * * *", "*/0 * * * *"} {
		if w, err := expr.ParseWindow(s); err == nil {
			t.Errorf("%q parsed as %v", s, w)
		}
	}
}

func TestWindowNextIsTheFirstEdge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]string{"", "CRON_TZ=America/Santiago ", "CRON_TZ=Australia/Lord_Howe ", "CRON_TZ=Asia/Kathmandu "}).Draw(t, "zone")
		for _, choices := range [][]string{
			{"*", "0", "*/15", "10-20", "59"}, {"*", "0", "2", "20-23,0-6", "*/6", "23"}, {"*", "1", "1-7", "31", "*/2"},
			{"*", "1-3", "2", "12", "3,4,10,11"}, {"*", "0", "1-5", "0,6"},
		} {
			s += rapid.SampledFrom(choices).Draw(t, "field") + " "
		}
		w, err := expr.ParseWindow(s)
		if err != nil {
			return // such a day may never come
		}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 4*365*24*60).Draw(t, "minute")) * time.Minute)
		next := w.Next(from)
		if !next.IsZero() && w.Open(next) == w.Open(from) {
			t.Fatalf("%q: no edge at %v", s, next)
		}
		end := from.Add(10 * 24 * time.Hour)
		if !next.IsZero() && next.Before(end) {
			end = next
		}
		for m := from; m.Before(end); m = m.Add(time.Minute) {
			if w.Open(m) != w.Open(from) {
				t.Fatalf("%q: edge at %v before %v", s, m, next)
			}
		}
	})
}
