package opsdb_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// released is the list of migrations that databases in use have gone through: release, file, SHA-256.
const released = "released.txt"

// Databases in use have the migrations of releases behind them: those never change, and a new one comes after all of
// them (a program counts a schema as up to date by its highest number). `make freeze TAG=v1.2.3` adds what is new to the list.
func TestMigrationsOfReleasesStandAndNumbersRise(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(released)
	if err != nil {
		t.Fatal(err)
	}
	frozen, highest, tags := map[string]bool{}, map[string]int{}, map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		words := strings.Fields(lines.Text())
		if len(words) != 3 {
			t.Fatalf("%s: %q is no line of release, file and SHA-256", released, lines.Text())
		}
		tag, file, want := words[0], words[1], words[2]
		tags[tag] = true
		if file == "-" { // a release that brought none
			continue
		}
		sql, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Errorf("%s: release %s has it, and it is gone: %v", file, tag, err)
		}
		if sum := sha256.Sum256(sql); err == nil && hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: release %s has it, and it has changed since: write a new migration", file, tag)
		}
		frozen[file] = true
		store := filepath.Dir(file)
		highest[store] = max(highest[store], number(t, file))
	}
	files, err := filepath.Glob("*/migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	seen := map[string]string{}
	for _, file := range files {
		store, n := filepath.Dir(file), number(t, file)
		if !frozen[file] && n <= highest[store] {
			t.Errorf("%s: a release has number %d; new numbers must be higher", file, highest[store])
		}
		key := store + strconv.Itoa(n)
		if other := seen[key]; other != "" {
			t.Errorf("%s and %s have the same number", other, file)
		}
		seen[key] = file
	}
	out, err := exec.CommandContext(t.Context(), "git", "tag", "--list", "v*").Output()
	for _, tag := range strings.Fields(string(out)) {
		if err == nil && !tags[tag] {
			t.Errorf("release %s is not in opsdb/%s: make freeze TAG=%s, at that release", tag, released, tag)
		}
	}
}

func number(t *testing.T, file string) int {
	t.Helper()
	found := regexp.MustCompile(`^(\d{4})_[a-z_]+\.sql$`).FindStringSubmatch(filepath.Base(file))
	if found == nil {
		t.Fatalf("%s is not named like 0001_init.sql", file)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
