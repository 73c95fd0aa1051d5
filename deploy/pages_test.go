package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// others are words in the pages that are not ours: programs, settings and files of others, and keys of a link with bbcp.
func others() []string {
	return []string{"cdt", "dtctl", "bbcp", "ssh", "wget", "ps", "dd", "known_hosts", "authorized_keys", "archive_mode", "env", "tcp_rmem", "tcp_wmem"}
}

// TestPagesSpeakOfWhatIs: links, targets of make, metrics, words of the program, services, dashboards and panels in the pages for who is on call.
func TestPagesSpeakOfWhatIs(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/operations/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("pages: %v, %v", pages, err)
	}
	words, makefile, have, services := program(t), read(t, "../Makefile"), series(t), loadCompose(t).Services
	titles := boards(t)
	for _, page := range pages {
		text := read(t, page)
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, m := range regexp.MustCompile("`make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: there is no make %s", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`(?:down: )?([a-z]+(?:_[a-z]+)*)`").FindAllStringSubmatch(text, -1) {
			_, measured := have[m[1]]
			_, service := services[m[1]]
			if !measured && !service && !slices.Contains(others(), m[1]) && !strings.Contains(words, `"`+m[1]+`"`) && !(strings.HasPrefix(m[1], "cdt_") && regexp.MustCompile(`\b`+m[1]+`\b`).MatchString(words)) {
				t.Errorf("%s: nothing is called %s", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`GRANT ([a-z_]+) TO`).FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(words) {
				t.Errorf("%s: nobody makes the role %s", page, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`(?:dashboard \*|")(CDT: [^*"]+|Full in)[*"]`).FindAllStringSubmatch(text, -1) {
			if !slices.Contains(titles, m[1]) {
				t.Errorf("%s: there is no dashboard or panel %q", page, m[1])
			}
		}
	}
}

// boards are the titles of all dashboards and panels.
func boards(t *testing.T) (out []string) {
	for _, d := range dashboards(t) {
		out = append(out, d.Title)
		for _, p := range d.Panels {
			out = append(out, p.Title)
		}
	}
	return out
}
