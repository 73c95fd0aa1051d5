package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine"
	"github.com/ccatobs/cdt/opsdb"
)

// explained is a package with one move that has a reason.
func explained(m engine.Meaning) engine.Explanation {
	d := engine.Decision{Route: "raw", Stage: "ship", Type: "transfer", From: "ccat.buffer", To: "cologne.buffer",
		Verdict: m.Reason.Verdict(), Reason: m.Reason, Text: "the detail"}
	return engine.Explanation{Version: opsdb.FormatVersion, Package: engine.PackageLine{Name: "raw-obs1-m1-1-abcdef01", Route: "raw", Number: 1},
		Headline: "the headline", Decisions: []engine.Explained{{Decision: d, Meaning: m.Text, Remedy: m.Remedy}}}
}

// printed is what `dtctl why` prints of x.
func printed(t *testing.T, output string, x engine.Explanation) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{out: &out, output: output}
	if err := a.explain(x, x.Text); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// `dtctl why` says of every reason what it is; of what does not move also
// what that means and what would make it move.
func TestWhySaysEveryReason(t *testing.T) {
	t.Parallel()
	verdicts := map[engine.Verdict]bool{}
	for _, m := range engine.Reasons() {
		verdicts[m.Reason.Verdict()] = true
		if m.Text == "" || m.Remedy == "" || m.Verdict != m.Reason.Verdict() {
			t.Errorf("%s: meaning %q, remedy %q, verdict %q", m.Reason, m.Text, m.Remedy, m.Verdict)
		}
		want := []string{fmt.Sprintf("cologne.buffer: %s, %s (the detail)", m.Verdict, m.Reason)}
		switch m.Verdict {
		case engine.Waiting, engine.Ready, engine.Running, engine.Blocked:
			want = append(want, m.Text, "what would make it move: "+m.Remedy)
		}
		text := printed(t, outputText, explained(m))
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: the text does not say %q:\n%s", m.Reason, w, text)
			}
		}
		var v struct {
			Version   int
			Decisions []struct{ Verdict, Reason, Meaning, Remedy string }
		}
		if err := json.Unmarshal([]byte(printed(t, outputJSON, explained(m))), &v); err != nil {
			t.Fatal(err)
		}
		if d := v.Decisions[0]; v.Version != 1 || d.Meaning != m.Text || d.Remedy != m.Remedy || d.Reason != string(m.Reason) || d.Verdict != string(m.Verdict) {
			t.Errorf("%s: the JSON says %+v", m.Reason, v)
		}
	}
	for _, v := range []engine.Verdict{engine.Satisfied, engine.Skipped, engine.Unwanted, engine.Waiting, engine.Ready, engine.Running, engine.Blocked} {
		if !verdicts[v] {
			t.Errorf("no reason has the verdict %s", v)
		}
	}
}

// Every verdict of the CCAT route's moves is explained for a package that is nowhere yet.
func TestWhyOfNewPackage(t *testing.T) {
	t.Parallel()
	files, g, list := (&app{}).checkRoutes()
	if list.Failed() || len(files) == 0 {
		t.Fatal(list.Err())
	}
	p := opsdb.Package{ID: opsdb.NewID(), Name: "raw-obs1-m1-1-abcdef01", Route: "raw", Number: 1, Source: "ccat.primecam"}
	x := engine.Why(g, opsdb.World{}, opsdb.Facts{Package: p}, p.MadeAt)
	if len(x.Decisions) < 10 {
		t.Errorf("only %d decisions", len(x.Decisions))
	}
	for _, d := range x.Decisions {
		if d.Meaning == "" || d.Remedy == "" {
			t.Errorf("%s to %s: %s, meaning %q, remedy %q", d.Stage, d.To, d.Reason, d.Meaning, d.Remedy)
		}
	}
}
