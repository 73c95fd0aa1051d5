package deploy

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/config"
)

// texts are all files in which commands and settings of CDT are written for people and services.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"../docs/operations/*.md", "systemd/*", "kubernetes/*", "compose/*.sh", "../docker-compose.yml", "prometheus/rules.yml", "../README.md", "../examples/*/README.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			out[name] = read(t, name)
		}
	}
	if len(out) < 15 {
		t.Fatalf("only %d files", len(out))
	}
	return out
}

func TestVariablesAreSettings(t *testing.T) {
	t.Parallel()
	known := []string{"CDT_CONFIG", "CDT_USER", "CDT_VERSION"}
	for _, k := range config.Keys() {
		known = append(known, k.Env(), k.Env()+config.InFile)
	}
	for name, text := range texts(t) {
		for _, v := range regexp.MustCompile(`\bCDT_[A-Z_]+`).FindAllString(text, -1) {
			if !slices.Contains(known, v) {
				t.Errorf("%s: there is no setting %s", name, v)
			}
		}
	}
}

// helper asks the program for the help of its verbs, each once.
func helper(t *testing.T) func(verb string) string {
	t.Helper()
	dtctl := filepath.Join(t.TempDir(), "dtctl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dtctl, "../cmd/dtctl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	helps := map[string]string{}
	return func(verb string) string {
		if _, ok := helps[verb]; !ok {
			out, err := exec.CommandContext(t.Context(), dtctl, verb, "--help").CombinedOutput()
			if err != nil {
				out = nil
			}
			helps[verb] = string(out)
		}
		return helps[verb]
	}
}

// TestCommandsExist holds every dtctl command with its flags against the program.
func TestCommandsExist(t *testing.T) {
	t.Parallel()
	help := helper(t)
	command := regexp.MustCompile("dtctl ([a-z][a-z-]+)([^`\n;|]*)")
	flag := regexp.MustCompile(`(?:^|\s)(--[a-z][a-z-]*)`)
	seen := 0
	for name, text := range texts(t) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			known := help(m[1])
			if known == "" {
				t.Errorf("%s: there is no verb in dtctl %s", name, m[1])
				continue
			}
			seen++
			if words := strings.Fields(m[2]); m[1] == "agent" && len(words) > 0 && !strings.Contains(known, "\n  "+words[0]+" ") {
				t.Errorf("%s: there is no verb in dtctl agent %s", name, words[0])
			}
			for _, f := range flag.FindAllStringSubmatch(m[2], -1) {
				if m[1] != "agent" && !strings.Contains(known, f[1]+" ") { // its own verbs have flags of their own
					t.Errorf("%s: dtctl %s has no %s", name, m[1], f[1])
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d commands were found", seen)
	}
}
