package worker

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// An attempt that ended well and found bytes that are not what was recorded is a warning, and says what it found.
func TestWrongBytesAreAWarning(t *testing.T) {
	t.Parallel()
	for want, outcome := range map[string]opsdb.Outcome{
		"a copy that was read: read back 5 bytes":                           {Corrupt: &opsdb.Corrupt{Reason: "read back 5 bytes"}},
		"2 source files that were to be deleted, the first: another digest": {Kept: []opsdb.ChangedMember{{Reason: "another digest"}, {Reason: "gone"}}},
		"": {},
	} {
		var out bytes.Buffer
		w := &Worker{cfg: Config{Log: slog.New(slog.NewJSONHandler(&out, nil))}}
		w.say(t.Context(), &opsdb.Assignment{}, &Result{Kind: Finished, Outcome: outcome}, time.Second)
		line := map[string]any{}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		level := "INFO"
		if want != "" {
			level = "WARN"
		}
		if got, _ := line["wrong"].(string); got != want || line["level"] != level {
			t.Errorf("logged %s, want %s and %q", out.String(), level, want)
		}
	}
}
