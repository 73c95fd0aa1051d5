package graph_test

import (
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/graph"
)

func TestWeaker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit []string
		want string // in the one line that is found; "" if nothing is weaker
	}{
		"nothing":            {nil, ""},
		"later":              {[]string{"age >= days(14)", "age >= days(20)"}, ""},
		"more asked":         {[]string{"archived >= 2}", "archived >= 2 && age >= days(2)}"}, ""},
		"fresh":              {[]string{"fresh: 120d", "fresh: 150d"}, ""},
		"a rule less":        {[]string{"        ccat.buffer:    {delete_when: archived >= 2}\n", ""}, ""},
		"sooner":             {[]string{"ccat.chai:       {delete_when: age >= days(14)", "ccat.chai:       {delete_when: age >= days(13)"}, "at ccat.chai deleted was when age >= days(14)"},
		"alternative":        {[]string{"archived >= 2}", "archived >= 2 || age >= days(2)}"}, "at ccat.buffer"},
		"lower requirement":  {[]string{"require_archived: 2", "require_archived: 1"}, "require_archived falls from 2 to 1"},
		"pressure sooner":    {[]string{"ccat.chai:       {delete_when: age >= days(14), pressure: {above: 80%", "ccat.chai:       {delete_when: age >= days(14), pressure: {above: 70%"}, "pressure at ccat.chai"},
		"pressure further":   {[]string{"until: 60%", "until: 50%"}, "down to 60%, and now from 80% down to 50%"},
		"pressure more":      {[]string{"ccat.buffer:    {delete_when: archived >= 2}", "ccat.buffer:    {delete_when: archived >= 2, pressure: {above: 80%, until: 60%}}"}, "pressure now deletes at ccat.buffer above 80%"},
		"narrower selection": {[]string{`group.program != "ENG"`, `group.program != "ENG" && group.program != "Cal"`}, "no longer selected"},
		"wider selection":    {[]string{`        select: group.program != "ENG"`, "       "}, ""},
		"wanted less":        {[]string{"when: requested", "when: requested && package.files > 1"}, "packages were wanted at cologne.ramses when requested"},
		"wanted elsewhere": {[]string{"      ramses:   {type: processing, disk: {path: /scratch/ccat}}\n", "      ramses:   {type: processing, disk: {path: /scratch/ccat}}\n      hercules: {type: processing, disk: {path: /scratch/more}}\n",
			"to: cologne.ramses", "to: cologne.hercules"}, "packages at cologne.ramses were wanted by the stage process, and are no longer"},
		"wanted by a stage that is gone": {[]string{"      process:\n        type: stage\n        from: [landing, archives]\n        to: cologne.ramses\n        when: requested\n", ""},
			"packages at cologne.ramses were wanted by the stage process, and are no longer"},
		"renamed, and lower":  {[]string{"  raw:\n", "  new:\n    formerly: [raw]\n", "require_archived: 2", "require_archived: 1"}, "route new: require_archived falls from 2 to 1"},
		"renamed":             {[]string{"  raw:\n", "  new:\n"}, "that the route raw selected"},
		"renamed and said so": {[]string{"  raw:\n", "  new:\n    formerly: [raw]\n"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			edit := make([]string, len(c.edit))
			for i, s := range c.edit {
				edit[i] = strings.ReplaceAll(s, "ccat.chai:       ", "ccat.chai:      ")
			}
			now := ccat(t, edit...)
			if len(edit) > 0 && now.Digest == ccat(t).Digest {
				t.Fatal("the edit changes nothing")
			}
			got := graph.Weaker(ccat(t), now)
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) == 0 || !strings.Contains(got[0], c.want)) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestAnArchiveLessIsWeaker(t *testing.T) {
	t.Parallel()
	got := strings.Join(graph.Weaker(third(t), ccat(t)), "\n")
	if !strings.Contains(got, "a copy at third.lta is no longer asked for") {
		t.Error(got)
	}
}

func TestAPlannedSiteIsWeaker(t *testing.T) {
	t.Parallel()
	got := strings.Join(graph.Weaker(third(t), third(t, "    state: planned\n")), "\n")
	if !strings.Contains(got, "since its site is planned") {
		t.Error(got)
	}
}

func TestARuleMoreIsWeaker(t *testing.T) {
	t.Parallel()
	got := graph.Weaker(good(t, small), good(t, small+"    retention: {locations: {home.buffer: {delete_when: archived >= 1}}}\n"))
	if len(got) != 1 || got[0] != "route raw: nothing was deleted at home.buffer, and now it is, when archived >= 1" {
		t.Errorf("%q", got)
	}
}
