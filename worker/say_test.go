package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/worker"
)

// written is a log that is written by many.
type written struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *written) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

// Every attempt leaves one line that says which, where and how it ended; one that failed is a warning with its cause.
func TestEveryAttemptIsOneLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out written
		tries := 0
		s := newShop(worker.Config{Log: slog.New(slog.NewJSONHandler(&out, nil))}, func(context.Context, stages.Work) (opsdb.Outcome, error) {
			if tries++; tries == 1 {
				return opsdb.Outcome{}, stages.Failed(opsdb.Failure{Class: opsdb.Environment, Reason: "refused"}, errors.New("nobody answers"))
			}
			return opsdb.Outcome{}, nil
		})
		stop := s.run(t)
		first, second := s.desk.add(nil), s.desk.add(nil)
		s.offer(t, first)
		time.Sleep(time.Second)
		synctest.Wait()
		s.offer(t, second)
		<-s.desk.finished
		synctest.Wait()
		stop()
		var lines []map[string]any
		for _, text := range strings.Split(strings.TrimSpace(out.text.String()), "\n") {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if msg, _ := line["msg"].(string); strings.HasPrefix(msg, "attempt ") {
				lines = append(lines, line)
			}
		}
		if len(lines) != 2 {
			t.Fatalf("%d lines:\n%s", len(lines), out.text.String())
		}
		for key, want := range map[string]any{"level": "WARN", "msg": "attempt failed", "class": "environment", "error": "nobody answers", "task": string(first.ID), "site": "cologne", "link": "ccat>cologne"} {
			if lines[0][key] != want {
				t.Errorf("of the failure: %s is %v, want %v", key, lines[0][key], want)
			}
		}
		for key, want := range map[string]any{"level": "INFO", "msg": "attempt finished", "task": string(second.ID), "to": "cologne.buffer", "attempt": 1.0} {
			if lines[1][key] != want {
				t.Errorf("of the success: %s is %v, want %v", key, lines[1][key], want)
			}
		}
	})
}
