package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// exits runs a program that must end with just this code: exits 2 dtctl why.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code, err := 0, ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// jsonField holds a field of the last output against a value: json packages/0/name raw-1,
// json -err error ~unknown.verb (an expression), json packages/len 3.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	from := "stdout"
	if len(args) > 0 && args[0] == "-err" {
		from, args = "stderr", args[1:]
	}
	if len(args) != 2 {
		ts.Fatalf("usage: json [-err] PATH VALUE|~EXPRESSION")
	}
	got, want := pick(ts, from, args[0]), args[1]
	same := got == want
	if e, ok := strings.CutPrefix(want, "~"); ok {
		same = regexp.MustCompile(e).MatchString(got)
	}
	if same == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

// keepField keeps a field of the last output in a variable: keep NAME packages/0/name.
func keepField(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: keep VARIABLE PATH")
	}
	ts.Setenv(args[0], pick(ts, "stdout", args[1]))
}

// pick is the value at a path of keys and indices; len is a length.
func pick(ts *testscript.TestScript, from, path string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(from)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("%s is no JSON: %v", from, err)
	}
	if d.More() {
		ts.Fatalf("%s is more than one JSON value", from)
	}
	for key := range strings.SplitSeq(path, "/") {
		v = step(ts, v, key)
	}
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	ts.Check(err)
	return string(text)
}

func step(ts *testscript.TestScript, v any, key string) any {
	switch x := v.(type) {
	case map[string]any:
		if key == "len" {
			return len(x)
		}
		if f, ok := x[key]; ok {
			return f
		}
	case []any:
		if key == "len" {
			return len(x)
		}
		if i, err := strconv.Atoi(key); err == nil && i < len(x) {
			return x[i]
		}
	}
	ts.Fatalf("there is no %q in %v", key, v)
	return nil
}

// jsonLines demands that every line of a file or of stdout/stderr is a JSON object with a key: lines FILE KEY.
func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: lines FILE KEY")
	}
	n := 0
	for s := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0]))); s.Scan(); n++ {
		var v map[string]any
		if err := json.Unmarshal(s.Bytes(), &v); err != nil || v[args[1]] == nil {
			ts.Fatalf("line %d is not one JSON object with %q: %s", n+1, args[1], s.Text())
		}
	}
	if n == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
}

// oddFiles fills a folder with what a txtar cannot hold: names, kinds and rights.
func oddFiles(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: odd FOLDER")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Join(dir, "obs1"), 0o755))
	for i, name := range []string{"new\nline", "per%cent", "back\\slash", "\xff\xfe", strings.Repeat("n", 255), " ", "empty", "ünï"} {
		content := fmt.Sprintf("content %d", i)
		if name == "empty" {
			content = ""
		}
		path := filepath.Join(dir, "obs1", name)
		ts.Check(os.WriteFile(path, []byte(content), 0o600))
		at := time.Unix(1_700_000_000+int64(i), 123456789)
		ts.Check(os.Chtimes(path, at, at))
	}
	ts.Check(syscall.Mkfifo(filepath.Join(dir, "obs1", "pipe"), 0o600))
	ts.Check(os.Symlink("empty", filepath.Join(dir, "obs1", "link")))
	ts.Check(os.Symlink("obs1", filepath.Join(dir, "linked")))
}

// tree writes what a folder holds, with sizes, rights, times and digests, into a file: tree FOLDER FILE.
func tree(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: tree FOLDER FILE")
	}
	text, err := describe(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// until runs a program again and again until it exits with 0 and prints something that matches: until EXPRESSION PROGRAM [ARG...].
func until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until EXPRESSION PROGRAM [ARG...]")
	}
	want := regexp.MustCompile(args[0])
	limit := time.NewTimer(10 * time.Minute)
	defer limit.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		if err := ts.Exec(args[1], args[2:]...); err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		select {
		case <-look.C:
		case <-limit.C:
			ts.Fatalf("%v never printed %s", args[1:], want)
		}
	}
}

// newer gives a database the schema of a program that is yet to be written: newer DB.
func newer(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(`INSERT INTO schema_version (version_id, is_applied) VALUES (999999, 1)`) //nolint:noctx // a moment
	ts.Check(errors.Join(err, db.Close()))
}

// older takes the last migration away from what a database says of itself.
func older(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(`DELETE FROM schema_version WHERE version_id = (SELECT max(version_id) FROM schema_version)`) //nolint:noctx // a moment
	ts.Check(errors.Join(err, db.Close()))
}
