package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a zone means the same on every host

	"github.com/robfig/cron/v3"
)

// Window is a cron expression whose minutes are those in which something may
// start: five fields, in UTC unless it begins with CRON_TZ=. It is immutable
// and safe for concurrent use.
type Window struct {
	source   string
	schedule *cron.SpecSchedule
}

// star is the bit by which cron marks a field that was written as `*`.
const star = 1 << 63

// ParseWindow reads five cron fields: minute, hour, day of month, month, day of week.
// A window that never opens is an error.
func ParseWindow(source string) (*Window, error) {
	fields := strings.Fields(source)
	zone := "UTC"
	if len(fields) > 0 && strings.Contains(fields[0], "=") {
		named, ok := strings.CutPrefix(fields[0], "CRON_TZ=")
		if !ok {
			return nil, errors.New("write CRON_TZ= for the time zone")
		}
		if named == "" || named == "Local" {
			return nil, errors.New("CRON_TZ= needs a zone, for example CRON_TZ=America/Santiago")
		}
		zone, fields = named, fields[1:]
	}
	if err := checkFields(fields); err != nil {
		return nil, err
	}
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	parsed, err := parser.Parse("CRON_TZ=" + zone + " " + strings.Join(fields, " "))
	if err != nil {
		return nil, err
	}
	w := &Window{source: source, schedule: parsed.(*cron.SpecSchedule)}
	if reference := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC); !w.Open(reference) && w.Next(reference).IsZero() {
		return nil, errors.New("no such minute ever comes")
	}
	return w, nil
}

// checkFields finds what the cron library would not find, or not say well.
func checkFields(fields []string) error {
	if len(fields) == 1 && strings.HasPrefix(fields[0], "@") {
		return fmt.Errorf("%s names one moment, not the minutes in which something may start", fields[0])
	}
	if len(fields) != 5 {
		return fmt.Errorf("a window is 5 fields (minute, hour, day of month, month, day of week), not %d", len(fields))
	}
	for _, field := range fields {
		for _, entry := range strings.Split(field, ",") {
			var low, high int
			if entry == "" {
				return fmt.Errorf("empty entry in the list %q", field)
			}
			if n, _ := fmt.Sscanf(entry, "%d-%d", &low, &high); n == 2 && low > high {
				return fmt.Errorf("%s runs backwards; over midnight write two ranges, for example 20-23,0-6", entry)
			}
		}
	}
	return nil
}

// String is the window as it was written.
func (w *Window) String() string { return w.source }

// Open reports whether something may start at now.
func (w *Window) Open(now time.Time) bool {
	t := now.In(w.schedule.Location)
	return has(w.schedule.Minute, t.Minute()) && has(w.schedule.Hour, t.Hour()) && w.day(t)
}

// Next returns the first moment after now at which Open changes, at the
// beginning of a minute, in UTC; zero if it never does within nine years.
func (w *Window) Next(now time.Time) time.Time {
	if w.always() {
		return time.Time{}
	}
	open := w.Open(now)
	t := now.UTC().Truncate(time.Minute).Add(time.Minute)
	for limit := now.AddDate(9, 0, 0); t.Before(limit); t = t.Add(w.stride(t, open)) {
		if w.Open(t) != open {
			return t
		}
	}
	return time.Time{}
}

// stride is how far one can go from t without passing an edge, given that the
// window is open (or shut) at t. Hours and days are passed in steps that stay
// within them whatever a change of daylight saving time does to the day.
func (w *Window) stride(t time.Time, open bool) time.Duration {
	local := t.In(w.schedule.Location)
	restOfHour := time.Duration(60-local.Minute()) * time.Minute
	restOfDay := restOfHour
	if local.Hour() < 20 {
		restOfDay = time.Duration(20-local.Hour())*time.Hour + restOfHour - time.Hour
	}
	wholeHours := w.schedule.Minute&minutes == minutes
	switch {
	case open && wholeHours && w.schedule.Hour&hours == hours:
		return restOfDay
	case open && wholeHours:
		return restOfHour
	case !open && !w.day(local):
		return restOfDay
	case !open && !has(w.schedule.Hour, local.Hour()):
		return restOfHour
	}
	return time.Minute
}

// The bits of a field that allows everything.
const (
	minutes  = 1<<60 - 1
	hours    = 1<<24 - 1
	days     = 1<<32 - 2
	months   = 1<<13 - 2
	weekdays = 1<<7 - 1
)

func (w *Window) always() bool {
	s := w.schedule
	return s.Minute&minutes == minutes && s.Hour&hours == hours && s.Month&months == months &&
		s.Dom&days == days && s.Dow&weekdays == weekdays
}

// day is cron's rule: if both the day of the month and the day of the week are
// restricted, either is enough.
func (w *Window) day(t time.Time) bool {
	s := w.schedule
	inMonth, inWeek := has(s.Dom, t.Day()), has(s.Dow, int(t.Weekday()))
	if !has(s.Month, int(t.Month())) {
		return false
	}
	if s.Dom&star != 0 || s.Dow&star != 0 {
		return inMonth && inWeek
	}
	return inMonth || inWeek
}

func has(bits uint64, n int) bool { return bits&(1<<n) != 0 }
