package examples

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("*/routes.yaml")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no examples found: %v", err)
	}
	dtctl := filepath.Join(t.TempDir(), "dtctl")
	run(t, "go", "build", "-o", dtctl, "../cmd/dtctl")
	for _, f := range folders {
		t.Run(filepath.Dir(f), func(t *testing.T) {
			t.Parallel()
			run(t, dtctl, "validate", "--routes", filepath.Dir(f))
			run(t, dtctl, "demo", "--routes", filepath.Dir(f), "--size", "2MB")
		})
	}
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", filepath.Base(program), args, err, out)
	}
}
