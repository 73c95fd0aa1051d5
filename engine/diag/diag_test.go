package diag_test

import (
	"errors"
	"testing"

	"github.com/ccatobs/cdt/engine/diag"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"source", "buffer", "long_term_archive", "processing", "capacity"}
	for word, want := range map[string]string{
		"bufer":             "buffer",
		"buffre":            "buffer", // neighbours swapped
		"suorce":            "source",
		"buffer":            "buffer",
		"long_trem_archive": "long_term_archive",
		"capcity":           "capacity",
		"disk":              "",
		"x":                 "",
		"":                  "",
	} {
		if got := diag.Nearest(word, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
	if got := diag.Nearest("ship", []string{"shop", "chip"}); got != "chip" {
		t.Errorf("of two equally near words %q is taken, want the first of the alphabet", got)
	}
}

func TestNearestTakesShortTimeForLongWords(t *testing.T) {
	t.Parallel()
	if got := diag.Nearest(string(make([]byte, 1<<20)), []string{"buffer"}); got != "" {
		t.Errorf("nearest is %q", got)
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"bufer": "did you mean buffer?", "zzz": "known: buffer, source"} {
		if got := diag.DidYouMean(word, []string{"source", "buffer"}); got != want {
			t.Errorf("hint for %s is %q, want %q", word, got, want)
		}
	}
	if got := diag.DidYouMean("x", nil); got != "" {
		t.Errorf("hint without known words is %q", got)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	var l diag.List
	if l.Err() != nil || l.Failed() {
		t.Error("the empty list has failed")
	}
	l.Warnf(diag.Place{File: "b"}, "CDT0132", "", "odd")
	l.Notef(diag.Place{File: "a", Line: 3, Column: 1}, "CDT0134", "", "later")
	if l.Err() != nil {
		t.Error("warnings and notes are errors")
	}
	for range 2 {
		l.Errorf(diag.Place{File: "a", Line: 2, Column: 7}, "CDT0104", "mend it", "wrong %d", 1)
	}
	err := l.Err()
	var all *diag.ListError
	if !errors.As(err, &all) || len(all.Problems) != 3 {
		t.Fatalf("error is %v", err)
	}
	const want = "a:2:7: error CDT0104: wrong 1\n    hint: mend it\na:3:1: note CDT0134: later\nb: warning CDT0132: odd"
	if err.Error() != want {
		t.Errorf("text is\n%s\nwant\n%s", err, want)
	}
}
