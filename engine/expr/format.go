package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Format writes a value for a person: sizes in decimal units, durations in
// days and hours, texts in quotes.
func Format(v any) string {
	switch v := v.(type) {
	case Size:
		return FormatSize(v.B)
	case time.Duration:
		return FormatDuration(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case string:
		return strconv.Quote(v)
	case []string:
		quoted := make([]string, len(v))
		for i, s := range v {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprint(v)
}

// FormatSize writes bytes with the largest unit that leaves at least 1, to three digits: "1.5GB", "42B".
func FormatSize(bytes int64) string {
	value, unit := float64(bytes), ""
	for _, u := range []string{"K", "M", "G", "T", "P", "E"} {
		if value < 1000 && value > -1000 {
			break
		}
		value, unit = value/1000, u
	}
	return strconv.FormatFloat(value, 'g', 4, 64) + unit + "B"
}

// FormatDuration writes a duration with its two largest units: "3d 4h", "10m", "1.5s".
func FormatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + FormatDuration(-d)
	}
	if d < time.Minute {
		return d.Truncate(time.Millisecond).String()
	}
	units := []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	var parts []string
	for _, u := range units {
		n := d / u.unit
		d -= n * u.unit
		switch {
		case n > 0:
			parts = append(parts, strconv.FormatInt(int64(n), 10)+u.name)
		case len(parts) > 0:
			return parts[0]
		}
		if len(parts) == 2 {
			break
		}
	}
	return strings.Join(parts, " ")
}
