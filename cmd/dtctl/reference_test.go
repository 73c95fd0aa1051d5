package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReferencePagesAreNotStale(t *testing.T) {
	t.Parallel()
	pages, err := referencePages()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("docs/reference/%s is stale: run `make generate`", name)
		}
	}
}
