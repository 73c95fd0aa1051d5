package bbcp_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/testserver/executable"
	"github.com/ccatobs/cdt/transport/bbcp"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, b := range tools(t) {
		if version, err := bbcp.Version(t.Context(), b.path); err != nil || !strings.Contains(version, ".") {
			t.Errorf("%s: %q, %v", b.name, version, err)
		}
	}
	other := filepath.Join(t.TempDir(), "other")
	executable.Write(t, other, "#!/bin/sh\necho some other program 1.2\n")
	bad := filepath.Join(t.TempDir(), "bad")
	executable.Write(t, bad, "#!/bin/sh\necho cannot open shared object >&2; exit 127\n")
	for program, text := range map[string]string{
		other: "which is none of bbcp's", bad: "cannot open shared object", "/nonexistent/bbcp": "no such file",
	} {
		if version, err := bbcp.Version(t.Context(), program); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %q, %v; want %q", program, version, err, text)
		}
	}
}
