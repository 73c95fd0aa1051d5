package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary stand for dtctl: scripts and tests that
// execute "dtctl" run main in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dtctl": main})
}

// TestScripts runs the sessions of testdata/script. Each finds a demo that has
// run to its end in $DEMO: routes/, sites/ and cdt.db. It is for reading; who
// gives orders copies the database.
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := built(t)
	demo := filepath.Join(t.TempDir(), "demo")
	dtctl(t, exitGood, "demo", "--keep", "--root", demo, "--size", "5MB")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("DEMO", demo)
			e.Setenv("TAKEN", taken(t))
			e.Setenv("USER", "ada")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "json": jsonField, "keep": keepField, "lines": jsonLines,
			"odd": oddFiles, "tree": tree, "until": until, "newer": newer,
		},
		RequireExplicitExec: true,
	})
}

// built builds dtctl as people have it, without the race detector: the scripts
// start hundreds of processes one after the other. It returns its folder.
func built(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "dtctl"), ".").CombinedOutput(); err != nil {
		t.Fatalf("build dtctl: %v\n%s", err, out)
	}
	return bin
}

// dtctl runs one verb in this process and returns what it printed.
func dtctl(t *testing.T, code int, args ...string) (out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	if got := run(t.Context(), args, strings.NewReader(""), &o, &e); got != code {
		t.Fatalf("dtctl %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, &o, &e)
	}
	return o.String(), e.String()
}

// taken is an address at which somebody listens, and nobody answers.
func taken(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
