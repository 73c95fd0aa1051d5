package bbcp

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// chunk is a head with its bytes.
func chunk(name string, at int64, b string) string {
	return string(head{name: name, at: at, length: len(b)}.append(nil)) + b
}

func TestTake(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want map[string]string
		says string
		kind error
	}{
		"parts and filler":           {in: chunk("a.1", 0, "one") + chunk("a.1", 3, "two") + chunk("", 0, "xxxx") + chunk("b.1", 0, "three"), want: map[string]string{"a.1": "onetwo", "b.1": "three"}},
		"a part goes on":             {in: chunk("kept", 4, "more"), want: map[string]string{"kept": "goodmore"}},
		"one that is left and found": {in: chunk("a.1", 0, "one") + chunk("b.1", 0, "x") + chunk("a.1", 3, "two"), want: map[string]string{"a.1": "onetwo", "b.1": "x"}},
		"nothing":                    {},
		"a part is there already":    {in: chunk("kept", 0, "more"), want: map[string]string{"kept": "good"}, kind: fs.ErrExist},
		"a hole":                     {in: chunk("kept", 5, "more"), want: map[string]string{"kept": "good"}, kind: errStream, says: "begins at 5"},
		"written over":               {in: chunk("kept", 2, "more"), want: map[string]string{"kept": "good"}, kind: errStream},
		"behind nothing":             {in: chunk("none", 2, "more"), want: map[string]string{"none": ""}, kind: fs.ErrNotExist},
		"another folder":             {in: chunk("../a.1", 0, "x"), kind: errStream},
		"a hidden file":              {in: chunk(".a", 0, "x"), kind: errStream},
		"no file":                    {in: chunk("folder", 3, "x"), says: "folder"},
		"a link that leads away":     {in: chunk("link", 0, "x"), kind: fs.ErrExist},
		"a link that leads on":       {in: chunk("link", 3, "x"), says: "link"},
		"another word":               {in: strings.Replace(chunk("a.1", 0, "x"), magic, "HTTP", 1), kind: errStream},
		"a chunk too long":           {in: string(head{name: "a.1", length: longestChunk + 1}.append(nil)), kind: errStream},
		"cut in a head":              {in: chunk("a.1", 0, "one") + chunk("a.1", 3, "two")[:7], want: map[string]string{"a.1": "one"}, says: "EOF"},
		"cut in a chunk":             {in: chunk("a.1", 0, "one") + chunk("a.1", 3, "two")[:headLength+4], want: map[string]string{"a.1": "onet"}, says: "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			parts := filepath.Join(dir, "parts")
			err := errors.Join(os.MkdirAll(filepath.Join(parts, "folder"), 0o755), os.WriteFile(filepath.Join(parts, "kept"), []byte("good"), 0o600),
				os.WriteFile(filepath.Join(dir, "outside"), []byte("out"), 0o600), os.Symlink("../outside", filepath.Join(parts, "link")))
			if err != nil {
				t.Fatal(err)
			}
			err = Take(t.Context(), strings.NewReader(c.in), parts)
			if (err != nil) != (c.kind != nil || c.says != "") || c.kind != nil && !errors.Is(err, c.kind) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %v with %q", err, c.kind, c.says)
			}
			for name, want := range c.want {
				if got, err := os.ReadFile(filepath.Join(parts, name)); string(got) != want || err != nil && want != "" {
					t.Errorf("%s has %q, want %q (%v)", name, got, want, err)
				}
			}
			if got, _ := os.ReadFile(filepath.Join(dir, "outside")); string(got) != "out" {
				t.Errorf("what lies outside has %q", got)
			}
		})
	}
}

// Whatever comes, nothing but parts in the folder is written.
func FuzzTake(f *testing.F) {
	f.Add([]byte(chunk("a.1", 0, "one") + chunk("", 0, "x")))
	f.Add([]byte(chunk("../a", 0, "x")))
	f.Fuzz(func(t *testing.T, in []byte) {
		dir := t.TempDir()
		parts := filepath.Join(dir, "parts")
		if err := os.Mkdir(parts, 0o755); err != nil {
			t.Fatal(err)
		}
		_ = Take(t.Context(), bytes.NewReader(in), parts)
		if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
			t.Errorf("beside the folder lie %v, %v", all, err)
		}
	})
}
