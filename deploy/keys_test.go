package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// given are the files that prepare.sh puts into the volume of each service, by the names of the volumes without "keys-".
func given(t *testing.T) map[string][]string {
	t.Helper()
	text := read(t, "compose/prepare.sh")
	out := map[string][]string{}
	lists := map[string][]string{`"$site"`: nil, `"$login"`: nil}
	for _, m := range regexp.MustCompile(`for (site|login) in ([a-z_ ]+);`).FindAllStringSubmatch(text, -1) {
		lists[`"$`+m[1]+`"`] = strings.Fields(m[2])
	}
	for _, m := range regexp.MustCompile(`\bgive ("?[a-z0-9$-]+"?) ("?[A-Za-z0-9_.$]+"?)`).FindAllStringSubmatch(text, -1) {
		services, names := []string{m[1]}, []string{m[2]}
		switch {
		case m[1] == `"$site"`:
			services = lists[`"$site"`]
		case strings.HasPrefix(m[1], `"sshd-`):
			services = nil
			for _, site := range lists[`"$site"`] {
				services = append(services, "sshd-"+site)
			}
		case m[2] == `"$login"`:
			names = lists[`"$login"`]
		}
		for _, s := range services {
			out[s] = append(out[s], names...)
		}
	}
	if len(out) < 11 || len(out["ccat"]) < 5 {
		t.Fatalf("prepare.sh gives %v", out)
	}
	return out
}

// says are all texts of a service in which paths, ports and names stand.
func (s service) says() string {
	out := append(slices.Clone(s.Command), s.Entrypoint...)
	for _, v := range s.Environment {
		out = append(out, v)
	}
	if list, ok := s.Healthcheck["test"].([]any); ok {
		for _, word := range list {
			text, _ := word.(string)
			out = append(out, text)
		}
	}
	return strings.Join(out, "\n") + "\n"
}

// mountedText is what stands in the files of the repository that a service mounts.
func (s service) mountedText(t *testing.T) (text string) {
	t.Helper()
	for _, from := range s.mounted() {
		if !strings.HasPrefix(from, "./") {
			continue
		}
		err := filepath.WalkDir("../"+from, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() && !strings.HasSuffix(path, ".json") {
				text += read(t, path) + "\n"
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	return text
}

// TestKeysAreGivenToThoseWhoReadThem: every file that a service reads below its volume of keys is made by prepare.sh, for it.
func TestKeysAreGivenToThoseWhoReadThem(t *testing.T) {
	t.Parallel()
	have, seen := given(t), 0
	for name, s := range loadCompose(t).Services {
		text := s.says() + s.mountedText(t)
		if strings.HasPrefix(s.Image, "cdt:") && len(s.Entrypoint) == 0 && !strings.HasPrefix(name, "worker-") {
			text = s.says() // routes are for workers: they use the links
		}
		if name == "logins" {
			for _, m := range regexp.MustCompile(`\nlogin \S+ (\S+)`).FindAllStringSubmatch(text, -1) {
				text += "/run/keys/" + m[1] + "\n"
			}
		}
		if name == "prepare" {
			continue
		}
		for at, from := range s.mounted() {
			volume, is := strings.CutPrefix(from, "keys-")
			if !is {
				continue
			}
			for _, m := range regexp.MustCompile(regexp.QuoteMeta(at)+`/([A-Za-z0-9_.]+)`).FindAllStringSubmatch(text, -1) {
				if seen++; !slices.Contains(have[volume], m[1]) {
					t.Errorf("%s reads %s/%s, and prepare.sh makes only %v for it", name, at, m[1], have[volume])
				}
			}
		}
		for _, m := range regexp.MustCompile(`/run/[a-z]+/`).FindAllString(s.says(), -1) {
			if _, ok := s.mounted()[strings.TrimSuffix(m, "/")]; !ok {
				t.Errorf("%s reads below %s, where nothing is mounted", name, m)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d keys were looked at", seen)
	}
	for _, site := range []string{"cologne"} { // the routes name credentials; the worker's folder of them must have both
		for _, m := range regexp.MustCompile(`credentials: ([A-Z_]+)`).FindAllStringSubmatch(read(t, "../examples/compose/routes.yaml"), -1) {
			for _, key := range []string{m[1] + "_ACCESS_KEY", m[1] + "_SECRET_KEY"} {
				if !slices.Contains(have[site], key) {
					t.Errorf("prepare.sh does not give %s its %s", site, key)
				}
			}
		}
	}
}

// TestPathsAreMounted: what a service calls by an absolute path is in a volume of it; and if that is a folder of the repository, it is there.
func TestPathsAreMounted(t *testing.T) {
	t.Parallel()
	path := regexp.MustCompile(`/(?:etc/(?:cdt|loki|otel|prometheus|grafana)|data|archive|prometheus|loki|var/lib/cdt)(?:/[A-Za-z0-9_.-]+)*`)
	seen := 0
	for name, s := range loadCompose(t).Services {
		text := s.says()
		for key, value := range s.Environment {
			if from, _ := s.below(value); strings.HasPrefix(value, "/") && from == "" {
				t.Errorf("%s: nothing is mounted at %s=%s", name, key, value)
			}
		}
		if name == "grafana" || name == "loki" {
			text += s.mountedText(t)
		}
		if name == "s3" || name == "redis" {
			continue // /data is their own
		}
		for _, at := range path.FindAllStringIndex(text, -1) {
			p := text[at[0]:at[1]]
			if at[0] > 0 && strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789:/", rune(text[at[0]-1])) {
				continue // the end of an address, or of a longer path
			}
			seen++
			if from, rest := s.below(p); from == "" {
				t.Errorf("%s: nothing is mounted at %s", name, p)
			} else if strings.HasPrefix(from, "./") {
				if _, err := os.Stat(filepath.Join("..", from, rest)); err != nil {
					t.Errorf("%s: %s: %v", name, p, err)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d paths were looked at", seen)
	}
}

// below is the volume in which a path of a service lies, and where in it; "": in none.
func (s service) below(path string) (from, rest string) {
	for at, v := range s.mounted() {
		if path == at || strings.HasPrefix(path, at+"/") {
			return v, strings.TrimPrefix(path, at)
		}
	}
	return "", ""
}
