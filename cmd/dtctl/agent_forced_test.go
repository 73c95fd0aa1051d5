package main

import (
	"strings"
	"testing"
)

// What a key may have run that is held to roots: what the driver's rsync asks for, and nothing that
// leads out of the parts (S10).
func TestForcedKeepsToParts(t *testing.T) {
	t.Parallel()
	const parts = "/data/buffer/.part/"
	for name, tc := range map[string]struct {
		command string
		want    bool
	}{
		"rsync 3.5":               {"rsync --server -de.LsfxCIvu --timeout=271 --info=NAME0 --append . " + parts, true},
		"rsync 3.2, limited":      {"rsync --server -de.LsfxCIvu --bwlimit=1024 --timeout=271 --append --info=NAME0 . " + parts, true},
		"a folder before the dot": {"rsync --server -de.LsfxCIvu --append /etc " + parts, false},
		"two destinations":        {"rsync --server -de.LsfxCIvu --append . /home/cdt/.ssh " + parts, false},
		"words on stdin":          {"rsync --server -sde.LsfxCIvu . " + parts, false},
		"a log":                   {"rsync --server -de.LsfxCIvu --log-file=/home/cdt/.ssh/authorized_keys . " + parts, false},
		"a temporary folder":      {"rsync --server -de.LsfxCIvu --temp-dir=/etc . " + parts, false},
		"a backup folder":         {"rsync --server -de.LsfxCIvu --backup-dir=/etc . " + parts, false},
		"another's files":         {"rsync --server -de.LsfxCIvu --copy-dest=/etc . " + parts, false},
		"symlinks":                {"rsync --server -dle.LsfxCIvu . " + parts, false},
		"deletions":               {"rsync --server -de.LsfxCIvu --delete . " + parts, false},
		"it sends":                {"rsync --server --sender -de.LsfxCIvu . " + parts, false},
		"dots":                    {"rsync --server -de.LsfxCIvu . /data/buffer/x/../.part/", false},
		"below a part":            {"rsync --server -de.LsfxCIvu . /data/buffer/.part/x/", false},
		"beside the parts":        {"rsync --server -de.LsfxCIvu . /data/buffer/raw/", false},
		"the root":                {"rsync --server -de.LsfxCIvu . /data/buffer/", false},
		"another root":            {"rsync --server -de.LsfxCIvu . /etc/.part/", false},
		"a daemon":                {"rsync --daemon --server . " + parts, false},
		"another rsync":           {"/data/buffer/.part/rsync --server -de.LsfxCIvu . " + parts, false},
		"another program":         {"bbcp SNK", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			may := allowed{roots: []string{"/data/buffer/"}}
			words := strings.Fields(tc.command)
			if got := may.program(words[0]) && may.remoteHalf(words); got != tc.want {
				t.Errorf("%q: %v", tc.command, got)
			}
		})
	}
}

// A program the key may not run is not asked for its version either.
func TestForcedAsksNoOtherProgram(t *testing.T) {
	t.Parallel()
	may := allowed{roots: []string{"/data/buffer"}}
	if text, err := may.version(t.Context(), "/bin/echo"); err == nil {
		t.Errorf("it was run and said %q", text)
	}
	if may.root("/data/x/../buffer") {
		t.Error("a root with dots in it was taken")
	}
}
