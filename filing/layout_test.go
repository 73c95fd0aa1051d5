package filing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ccatobs/cdt/filing"
)

func TestLayout(t *testing.T) {
	t.Parallel()
	const ccat = "{instrument}/{observation}/{module}/**"
	day := time.Date(2026, 11, 21, 23, 30, 0, 0, time.FixedZone("CLT", -3*3600)) // the 22nd in UTC
	tests := []struct {
		name, layout, path string
		want               filing.Placed
	}{
		{"everything is named", ccat, "primecam/obs7/mod1/raw/a.fits", filing.Placed{Instrument: "primecam", Observation: "obs7", Module: "mod1", Folder: "primecam/obs7"}},
		{"no module's folder", ccat, "primecam/obs7/a.fits", filing.Placed{Instrument: "primecam", Observation: "obs7", Module: "-", Folder: "primecam/obs7"}},
		{"above the observations", ccat, "primecam/a.fits", filing.Placed{Instrument: "primecam", Observation: "2026-11-22", Module: "-"}},
		{"in the root", ccat, "a.fits", filing.Placed{Instrument: "chai", Observation: "2026-11-22", Module: "-"}},
		{"the default", "", "obs7/x/y", filing.Placed{Instrument: "chai", Observation: "obs7", Module: "-", Folder: "obs7"}},
		{"text around a word", "obs-{observation}.d/{program}", "obs-12.d/GEco/f", filing.Placed{Instrument: "chai", Observation: "12", Module: "-", Program: "GEco", Folder: "obs-12.d"}},
		{"text that is not there", "obs-{observation}/**", "other/f", filing.Placed{Instrument: "chai", Observation: "2026-11-22", Module: "-"}},
		{"plain folders and any folder", "raw/*/{module}/**", "raw/x/m2/f", filing.Placed{Instrument: "chai", Observation: "-", Module: "m2"}},
		{"a layout without an observation, in the root", "{module}/**", "f", filing.Placed{Instrument: "chai", Observation: "2026-11-22", Module: "-"}},
		{"any bytes in a folder's name", "", "ob\xffs%\n/f", filing.Placed{Instrument: "chai", Observation: "ob%FFs%25%0A", Module: "-", Folder: "ob\xffs%\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := filing.ParseLayout(tt.layout, "ccat.chai")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, l.Place(tt.path, day)); diff != "" {
				t.Errorf("placed wrongly (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLayoutsThatAreRefused(t *testing.T) {
	t.Parallel()
	for layout, says := range map[string]string{
		"{observation}/{observation}": "twice",
		"{obs}/**":                    "{obs} is not known",
		"{observation":                "one word in braces",
		"{module}{program}/**":        "one word in braces",
		"**/{observation}":            "** only last",
		"a//b":                        "no folder",
	} {
		if _, err := filing.ParseLayout(layout, "ccat.chai"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("layout %q: got %v, want an error with %q", layout, err, says)
		}
	}
}

func TestIgnore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"*.tmp", "a/b/c.tmp", true},
		{"*.tmp", "a.tmp/b", true},
		{"*.tmp", "a/tmp", false},
		{"scratch/*", "scratch/a", true},
		{"scratch/*", "x/scratch/a", false},
		{"scratch/*", "scratch/a/b", false},
		{"scratch/**", "scratch/a/b", true},
		{"**/scratch/**", "x/y/scratch/a/b", true},
		{"**/*.part", "x.part", true},
		{"a/**/z", "a/z", true},
		{"a/**/z", "a/b/c/z", true},
		{"a/**/z", "a/b/c", false},
		{"[ab].dat", "b.dat", true},
	}
	for _, tt := range tests {
		g, err := filing.ParseIgnore([]string{tt.pattern})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Match(tt.path); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.path, got, tt.want)
		}
	}
	if _, err := filing.ParseIgnore([]string{"[a"}); err == nil {
		t.Error("a malformed pattern passed")
	}
}
