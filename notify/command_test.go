package notify_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ccatobs/cdt/notify"
	"github.com/ccatobs/cdt/testserver/executable"
)

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) until(t *testing.T, what string) {
	t.Helper()
	poll(t, func() bool { return strings.Contains(l.String(), what) })
}

func poll(t *testing.T, met func() bool) {
	t.Helper()
	look, limit := time.NewTicker(2*time.Millisecond), time.NewTimer(2*time.Minute)
	defer look.Stop()
	defer limit.Stop()
	for !met() {
		select {
		case <-look.C:
		case <-limit.C:
			t.Fatal("it does not come")
		}
	}
}

// script writes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tell")
	executable.Write(t, path, "#!/bin/sh\n"+text)
	return path
}

func TestCommandReadsJSONAndNothingOfItInItsArguments(t *testing.T) {
	t.Setenv("CDT_DB", "postgres://sEcReT")
	out := filepath.Join(t.TempDir(), "out")
	c := notify.Command{Args: []string{script(t, `cat > "$1"; echo "$#" >> "$1.args"; env >> "$1.args"`), out}}
	nasty := "$(touch /tmp/x); `id` ' \" \n -rf"
	if err := c.Send(t.Context(), message(nasty)); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var m notify.Message
	if err := json.Unmarshal(body, &m); err != nil || m.Text != nasty || len(m.Notices) != 1 || m.Notices[0].Subject != "link:a>b" {
		t.Errorf("it reads %s, %v", body, err)
	}
	seen, err := os.ReadFile(out + ".args")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(seen), "1\n") || strings.Contains(string(seen), "sEcReT") || strings.Contains(string(seen), "touch") {
		t.Errorf("arguments and environment are %s", seen)
	}
}

func TestCommandFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"exit code":   {[]string{script(t, "echo no  network >&2; exit 3")}, "exit status 3: no network"},
		"absent":      {[]string{filepath.Join(t.TempDir(), "absent")}, "no such file"},
		"no program":  {nil, "no program"},
		"babbles":     {[]string{script(t, "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1")}, "xxx"},
		"hangs":       {[]string{script(t, "sleep 60")}, "deadline"},
		"leaves more": {[]string{script(t, "sleep 60 & sleep 60")}, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := 2 * time.Minute
			if c.want == "deadline" {
				limit = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := notify.Command{Args: c.args}.Send(ctx, message(strings.Repeat("x", 200_000)))
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 2000 {
				t.Errorf("it gives %v", err)
			}
		})
	}
}

func TestCommandThatDoesNotListenIsADelivery(t *testing.T) {
	t.Parallel()
	c := notify.Command{Args: []string{script(t, "exit 0")}}
	if err := c.Send(t.Context(), message(strings.Repeat("x", 500_000))); err != nil {
		t.Error(err)
	}
}
