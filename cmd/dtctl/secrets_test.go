package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sword is the secret of the tests. It stands wherever one may stand.
const sword = "sw0rdfish"

// Whatever is given where a secret may stand, right, wrong, misspelt or for a server that does not answer, no verb
// prints it: not at its start, not in an error, not at --log-level debug.
func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	databases := []string{
		"postgres://cdt:SWORD@127.0.0.1:1/cdt", "postgres://cdt:SWORD@127.0.0.1:none/cdt", "postgres://cdt:SWORD%zz@127.0.0.1:1/cdt", "postgres://cdt:SWORD@127.0.0.1:1/cdt?sslmode=nonsense",
		"postgres://127.0.0.1:1/cdt?user=cdt&password=SWORD", "host=127.0.0.1 port=1 user=cdt password=SWORD", "host=127.0.0.1 port=none password=SWORD", "postgres://cdt:SWORD@[::1/cdt", "mysql://cdt:SWORD@h/cdt", "password=SWORD",
	}
	receivers := [][]string{
		{"--redis", "redis://:SWORD@127.0.0.1:1/0"}, {"--redis", "redis://:SWORD@127.0.0.1:none/0"}, {"--redis", "rediss//:SWORD@h"}, {"--redis", "redis://u:SWORD%zz@h:1"}, {"--redis", "redis://u:SWORD@h:1/none"},
		{"--influx-url", "http://u:SWORD@127.0.0.1:1"}, {"--influx-url", "http://u:SWORD@h:none"}, {"--influx-url", "ftp://u:SWORD@h"}, {"--influx-url", "http://127.0.0.1:1", "--influx-token", "SWORD"},
		{"--otlp", "http://u:SWORD@127.0.0.1:1"}, {"--otlp", "http://u:SWORD@h:none"}, {"--otlp", "u:SWORD@h"}, {"--otlp", "http://127.0.0.1:1/?key=SWORD"},
	}
	notices := [][]string{
		{"--notify-webhook", "http://127.0.0.1:1/SWORD"}, {"--notify-webhook", "http://h:none/SWORD"}, {"--notify-webhook", "SWORD"},
		{"--notify-webhook", "http://127.0.0.1:1", "--notify-header", "Authorization: SWORD"}, {"--notify-webhook", "http://127.0.0.1:1", "--notify-header", "SWORD"},
		{"--notify-webhook", "http://127.0.0.1:1", "--notify-header", "A B: SWORD"},
	}
	var all [][]string
	for _, db := range databases {
		for _, verb := range [][]string{{"status"}, {"doctor"}, {"migrate"}, {"audit", "verify"}, {"work", "--site", "lab", "--log-level", "debug"}, {"serve", "--role", "engine", "--log-level", "debug"}} {
			all = append(all, append(verb, "--db", db))
		}
	}
	for _, r := range append(receivers, notices...) {
		all = append(all, append([]string{"serve", "--log-level", "debug"}, r...))
	}
	for _, r := range receivers {
		all = append(all, append([]string{"doctor"}, r...))
	}
	for i, args := range all {
		t.Run(fmt.Sprint(i, " ", strings.Join(args, " ")), func(t *testing.T) {
			t.Parallel()
			neverPrinted(t, args)
		})
	}
}

func neverPrinted(t *testing.T, args []string) {
	t.Helper()
	y := newYard(t)
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "SWORD", sword)
	}
	switch args[0] {
	case "serve":
		args = append(args, "--routes", y.routes(), "--init-locations", "--state", filepath.Join(y.root, "state"))
	case "work":
		args = append(args, "--state", filepath.Join(y.root, "state"))
	}
	if !strings.Contains(strings.Join(args, " "), "--db") {
		args = append(args, "--db", y.db())
	}
	if err := os.WriteFile(filepath.Join(y.camera(), "one.fits"), []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var out, errs strings.Builder
	code := run(ctx, args, strings.NewReader(""), &out, &errs)
	if said := out.String() + errs.String(); strings.Contains(said, sword) {
		t.Errorf("exit code %d, and it said\n%s", code, said)
	} else if said == "" {
		t.Error("it said nothing")
	}
}

func TestPasswordOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "", "cdt.db": "", "postgres://db/cdt": "", "postgres://cdt@db/cdt": "", "postgres://cdt:pass@db/cdt": "pass", "postgres://cdt:p@ss@db/cdt": "p@ss", "redis://:pass@h/0": "pass",
		"host=db password=pass dbname=cdt": "pass", "host=db password='pass'": "pass", "postgres://db/cdt?password=pass&user=cdt": "pass",
	} {
		if got := passwordOf(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
