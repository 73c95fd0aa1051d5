// Package docs_test keeps the pages true that name what stands in the code. It imports nothing of ours.
package docs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Every test that the page of scenarios names is there.
func TestScenariosNameTestsThatExist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz|test)[A-Za-z0-9]+)`").FindAllSubmatch(page, -1)
	if len(named) < 100 {
		t.Fatalf("the page names %d tests only", len(named))
	}
	for _, n := range named {
		if !declares(t, filepath.Join("..", string(n[1])), "func "+string(n[2])+"(") {
			t.Errorf("there is no %s in %s", n[2], n[1])
		}
	}
}

// declares reports whether a Go file of a folder has a text.
func declares(t *testing.T, folder, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(source, []byte(text)) {
			return true
		}
	}
	return false
}
