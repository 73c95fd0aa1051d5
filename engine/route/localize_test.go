package route_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/route"
)

func TestLocalize(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../routes/ccat.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before := parse(t, text)
	local, err := route.Localize(map[string][]byte{"ccat.yaml": text}, `/tmp/a "b"`)
	if err != nil {
		t.Fatal(err)
	}
	after := parse(t, local["ccat.yaml"])
	for i, s := range after.Sites {
		for j, l := range s.Locations {
			if want := `/tmp/a "b"/` + s.Name + "/" + l.Name; l.Storage.V != "disk" || l.Path.V != want {
				t.Errorf("%s.%s is %s at %q, want disk at %q", s.Name, l.Name, l.Storage.V, l.Path.V, want)
			}
			if was := before.Sites[i].Locations[j]; was.Name != l.Name || was.Type.V != l.Type.V || was.Capacity.V != l.Capacity.V {
				t.Errorf("%s.%s became %+v", s.Name, was.Name, l)
			}
		}
	}
	for i, l := range after.Links {
		was := before.Links[i]
		if l.Transport.V != "local" || l.Options.Set {
			t.Errorf("link %d has transport %q with %v", i, l.Transport.V, l.Options.Keys)
		}
		if l.Bandwidth.V != was.Bandwidth.V || l.RTT.V != was.RTT.V || len(l.Limits) != len(was.Limits) {
			t.Errorf("link %d became %+v", i, l)
		}
	}
	for i, s := range after.Routes[0].Stages {
		was := before.Routes[0].Stages[i]
		if s.Name != was.Name || s.When.V != was.When.V || s.Priority.V != was.Priority.V || s.Window.V != was.Window.V ||
			s.Fields.Text("close_when").V != was.Fields.Text("close_when").V || strings.Join(s.From.Names(), ",") != strings.Join(was.From.Names(), ",") {
			t.Errorf("stage %s became %+v", was.Name, s)
		}
	}
	for i, r := range after.Routes[0].Retention.Rules {
		if was := before.Routes[0].Retention.Rules[i]; r.Place != was.Place || r.When.V != was.When.V || r.Above.V != was.Above.V {
			t.Errorf("rule %s became %+v", was.Place, r)
		}
	}
}

// An alias may stand for a whole location: each gets a folder of its own.
func TestLocalizeWritesAliasesOut(t *testing.T) {
	t.Parallel()
	text := "sites:\n  a:\n    locations:\n      x: &x {type: buffer, s3: {endpoint: \"${NOT_SET}\", bucket: b}}\n      y: *x\n"
	local, err := route.Localize(map[string][]byte{"f": []byte(text)}, "/r")
	if err != nil {
		t.Fatal(err)
	}
	set := parse(t, local["f"])
	if x, y := set.Sites[0].Locations[0].Path.V, set.Sites[0].Locations[1].Path.V; x != "/r/a/x" || y != "/r/a/y" {
		t.Errorf("paths are %s and %s", x, y)
	}
}

func TestLocalizeRefuses(t *testing.T) {
	t.Parallel()
	if _, err := route.Localize(map[string][]byte{"f": []byte("a: [")}, "/r"); err == nil {
		t.Error("no YAML is localized")
	}
	if _, err := route.Localize(nil, "/r/${X}"); err == nil {
		t.Error("a root with a variable is taken")
	}
}

// parse parses one text that has to be right.
func parse(t *testing.T, text []byte) *route.Set {
	t.Helper()
	set, list := route.Parse(map[string][]byte{"f.yaml": text}, route.Options{Env: noEnv, StageTypes: stageTypes()})
	if err := list.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return set
}
