package main

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain builds dtctl as people have it, without the race detector: scripts
// and tests start hundreds of processes of it. With CDT_RACE set the test binary
// stands for dtctl, so that the detector watches every process of a fleet.
func TestMain(m *testing.M) {
	testscript.Main(withProgram{m}, map[string]func(){"dtctl": main})
}

// withProgram are the tests beside the program they start.
type withProgram struct{ tests *testing.M }

// programFolder is the environment variable that names the folder of dtctl.
const programFolder = "CDT_TEST_PROGRAM"

func (w withProgram) Run() int {
	bin, err := os.MkdirTemp("", "dtctl-")
	if err == nil {
		defer func() { _ = os.RemoveAll(bin) }()
		var out []byte
		if out, err = exec.Command("go", "build", "-o", filepath.Join(bin, "dtctl"), ".").CombinedOutput(); err != nil { //nolint:noctx // there is no test yet
			err = fmt.Errorf("build dtctl: %w\n%s", err, out)
		}
	}
	if err == nil {
		err = os.Setenv(programFolder, bin)
	}
	if err == nil && os.Getenv("CDT_RACE") == "" {
		err = os.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err == nil {
		err = flag.Set("test.parallel", "4") // they wait for other processes more than they work
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return w.tests.Run()
}

// built is the folder of dtctl as people have it.
func built(t *testing.T) string {
	t.Helper()
	bin := os.Getenv(programFolder)
	if bin == "" {
		t.Fatal("no folder of the program: TestMain makes it")
	}
	return bin
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
			"odd": oddFiles, "tree": tree, "until": until, "newer": newer, "older": older,
		},
		RequireExplicitExec: true,
	})
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
