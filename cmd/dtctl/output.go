package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

// errFound says that problems were found and have been printed already: exit 1.
var errFound = errors.New("problems were found")

// What -o takes.
const (
	outputText = "text"
	outputJSON = "json"
)

// useError is a wrong use of the command: exit 2.
type useError struct {
	err  error
	hint string
}

func (e *useError) Error() string { return e.err.Error() }
func (e *useError) Unwrap() error { return e.err }

// misuse makes a wrong-use error with a hint.
func misuse(hint, format string, args ...any) error {
	return &useError{fmt.Errorf(format, args...), hint}
}

// hinted is an error with what to do about it, and with its parts if there are several.
type hinted struct {
	err     error
	hint    string
	details []string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// hint attaches what to do to an error.
func hint(err error, format string, args ...any) error {
	return &hinted{err: err, hint: fmt.Sprintf(format, args...)}
}

// detailsOf are the parts of err, if it has some.
func detailsOf(err error) []string {
	var h *hinted
	if errors.As(err, &h) {
		return h.details
	}
	return nil
}

// hintOf finds what a person can do about err, if we know.
func hintOf(err error) string {
	var h *hinted
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.Is(err, opsdb.ErrNewer):
		return "the database was made by a newer dtctl: use that version"
	case errors.Is(err, opsdb.ErrOlder):
		return "run `dtctl migrate` of this version, when nothing older serves the database any more, or use the version that does"
	case errors.Is(err, sqlite.ErrNotDatabase):
		return "give --db or CDT_DB the file that `dtctl serve` made; this one was left as it is"
	case errors.Is(err, opsdb.ErrLocked):
		return "only one `dtctl serve` may run on a database; stop the other one, or give another --db"
	case errors.Is(err, fs.ErrPermission):
		return "check the owner and rights of the path"
	}
	return ""
}

// errorJSON is what every verb prints on standard error with -o json when it fails.
type errorJSON struct {
	Version int      `json:"version"`
	Error   string   `json:"error"`
	Hint    string   `json:"hint,omitempty"`
	Details []string `json:"details,omitempty"`
}

// complain prints an error, its parts and its hint, as text or as JSON.
func (a *app) complain(err error, hint string, details []string) {
	if a.output == outputJSON {
		e := json.NewEncoder(a.errs)
		e.SetEscapeHTML(false)
		_ = e.Encode(errorJSON{opsdb.FormatVersion, err.Error(), hint, details})
		return
	}
	fmt.Fprintf(a.errs, "dtctl: %v\n", err)
	for _, d := range details {
		fmt.Fprintf(a.errs, "  - %s\n", d)
	}
	if hint != "" {
		fmt.Fprintf(a.errs, "  hint: %s\n", hint)
	}
}

// say prints v as JSON with -o json, and otherwise calls text.
func (a *app) say(v any, text func() error) error {
	if a.output != outputJSON {
		return text()
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows under a header in aligned columns without lines.
func (a *app) table(header []any, rows [][]any) {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.AppendHeader(table.Row(header))
	for _, r := range rows {
		t.AppendRow(table.Row(r))
	}
	lines := strings.Split(t.Render(), "\n")
	for _, l := range lines {
		fmt.Fprintln(a.out, strings.TrimRight(l, " "))
	}
}

// bytesText is a size for people, in the units of the route language.
func bytesText(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB", "PB"}
	f, i := float64(n), 0
	for f >= 1000 && i < len(units)-1 {
		f /= 1000
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// agoText is how long before now t was, for people.
func agoText(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return durationText(now.Sub(t))
}

// durationText is a duration for people, in at most two units.
func durationText(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + durationText(-d)
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%.1fs", d.Seconds())
}

// counted is a number of things for people: "1 file", "3 files".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
