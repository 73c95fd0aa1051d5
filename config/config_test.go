package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/config"
)

func TestFile(t *testing.T) {
	t.Parallel()
	got, err := config.Read("cdt.yaml", []byte("# ours\nlease: 90s\nsite: [cologne, cornell]\nat_once: {package: 2, transfer: 4}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"lease=90s cdt.yaml:2", "site=cologne,cornell cdt.yaml:3", "at_once=package=2,transfer=4 cdt.yaml:4"}
	for i, s := range got {
		if text := s.Key.Name + "=" + s.Text.Reveal() + " " + s.From; text != want[i] {
			t.Errorf("got %s, want %s", text, want[i])
		}
	}
	for _, empty := range []string{"", "# nothing\n", "~\n"} {
		if got, err := config.Read("f", []byte(empty)); len(got) > 0 || err != nil {
			t.Errorf("%q: %v, %v", empty, got, err)
		}
	}
}

func TestWrongFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"misspelt":        {"leese: 1s", `f:1: there is no setting "leese": did you mean lease?`},
		"unknown":         {"\ncolour_of_telescope: red", `f:2: there is no setting "colour_of_telescope"; there are db,`},
		"twice":           {"lease: 1s\nlease: 2s", "f:2: lease is there twice"},
		"both are told":   {"leese: 1s\nlease: 1s\nlease: 2s", "f:3: lease is there twice"},
		"no value":        {"lease:", "f:1: lease: has no value"},
		"deep list":       {"site: [[a]]", "holds plain values"},
		"deep mapping":    {"at_once: {a: {b: 1}}", "holds plain values"},
		"alias":           {"db: &a x\nlease: *a", "aliases are not for settings"},
		"a list":          {"- a", "f:1: settings are a mapping"},
		"two documents":   {"lease: 1s\n---\nlease: 2s", "second document"},
		"no YAML":         {"lease: [", "f: yaml"},
		"far too long":    {strings.Repeat("#", 2<<20), "these are no settings"},
		"secret not told": {"db: &a postgres://u:hush@h/d\nleese: 1", "leese"},
	} {
		_, err := config.Read("f", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	got, err := config.Environment([]string{"HOME=/root", "CDT_LEASE=30s", "CDT_USER=me", "CDT_DB=", "CDT_AT_ONCE=3", "CDT_ELSEWHERE_ENTIRELY=1"}, os.ReadFile)
	if err != nil || len(got) != 2 || got[0].Key.Name != "at_once" || got[1].Text.Reveal() != "30s" || got[1].From != "environment CDT_LEASE" {
		t.Fatalf("got %v, %v", got, err)
	}
	if _, err := config.Environment([]string{"CDT_LEESE=30s"}, os.ReadFile); err == nil || !strings.Contains(err.Error(), "did you mean CDT_LEASE?") {
		t.Errorf("a misspelt variable: %v", err)
	}
}

func TestTheEnvironmentOutranksTheFile(t *testing.T) {
	t.Parallel()
	file, _ := config.Read("f", []byte("lease: 1s\ngrace: 2s"))
	env, _ := config.Environment([]string{"CDT_LEASE=3s"}, os.ReadFile)
	got := map[string]string{}
	for _, s := range config.Merge(file, env) {
		got[s.Key.Flag()] = s.Text.Reveal()
	}
	if len(got) != 2 || got["lease"] != "3s" || got["grace"] != "2s" {
		t.Fatalf("got %v", got)
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	s := config.NewSecret("hush")
	all := struct{ S config.Secret }{s}
	var out bytes.Buffer
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", s, all)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "in", all)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "in", all)
	j, err := json.Marshal(map[config.Secret]any{s: all})
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	text := out.String() + string(j) + string(y)
	if strings.Contains(text, "hush") || strings.Contains(text, "68757368") || !strings.Contains(text, "(secret)") {
		t.Fatalf("printed: %s", text)
	}
	if s.Reveal() != "hush" {
		t.Fatal("it cannot be had at all")
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"cdt.db": "cdt.db",
		"postgres://cdt:hush@db.example.org:5432/cdt?sslmode=require&password=hush": "postgres://cdt@db.example.org:5432/cdt",
		"postgres:///cdt?host=/run/postgresql":                                      "postgres:///run/postgresql/cdt",
		"postgres://cdt:hu%zzsh@h/d":                                                "postgres://(secret)",
	} {
		if got := config.Address(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestValuesInFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/run/secrets/db": "postgres://cdt:hush@db/cdt\n", "/empty": "\n"}
	read := func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	got, err := config.Environment([]string{"CDT_DB_FILE=/run/secrets/db"}, read)
	if err != nil || len(got) != 1 || got[0].Key.Name != "db" || got[0].Text.Reveal() != "postgres://cdt:hush@db/cdt" {
		t.Errorf("got %v, %v", got, err)
	}
	for env, want := range map[string]string{
		"CDT_DB_FILE=/nope":                       "environment CDT_DB_FILE",
		"CDT_DB_FILE=/empty":                      "/empty is empty",
		"CDT_DB_FILE=/run/secrets/db CDT_DB=x.db": "both set",
	} {
		if _, err := config.Environment(strings.Fields(env), read); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", env, err)
		}
	}
}
