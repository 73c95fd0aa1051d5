package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/opsdb/postgres"
)

var errAway = fmt.Errorf("dial: %w", postgres.ErrUnreachable)

// timer is a database that is back after a few questions.
type timer struct{ away int }

func (t *timer) Now(context.Context) (time.Time, error) {
	if t.away--; t.away >= 0 {
		return time.Time{}, errAway
	}
	return time.Time{}, nil
}

// However often and by whom it is said that the database is away: one line, and one that it is back.
func TestPatienceSaysItOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p, log := newPatience("postgres://ada:hush@db/cdt", slog.NewTextHandler(&out, nil))
		tries := 0
		began := time.Now()
		err := p.until(t.Context(), func() error {
			if tries++; tries < 8 {
				return errAway
			}
			p.here(t.Context(), &timer{away: 3})
			for range 20 {
				log.With("part", "engine").Error("a pass ended early", "error", errAway)
			}
			log.Error("task", "error", errAway)
			log.Error("a file", "error", &os.PathError{Op: "open", Path: "x", Err: os.ErrPermission})
			<-time.After(time.Minute)
			return errors.New("enough")
		})
		if err == nil || err.Error() != "enough" {
			t.Errorf("it ended with %v", err)
		}
		if waited := time.Since(began); waited < 70*time.Second || waited > 150*time.Second {
			t.Errorf("it waited %s for 7 tries and a minute", waited)
		}
		for text, want := range map[string]int{"the database is away": 2, "the database is back": 2, "a pass ended early": 0, "msg=task": 1, "a file": 1, "hush": 0} {
			if got := strings.Count(out.String(), text); got != want {
				t.Errorf("%q is said %d times, want %d:\n%s", text, got, want, &out)
			}
		}
	})
}

// What no waiting mends ends the service at once; a stop while it waits is a good one.
func TestPatienceHasItsLimits(t *testing.T) {
	t.Parallel()
	p, _ := newPatience("postgres://db/cdt", slog.DiscardHandler)
	for _, wrong := range []error{postgres.ErrRefused, postgres.ErrOlder, &os.PathError{Op: "open", Path: "x", Err: os.ErrPermission}} {
		if err := p.until(t.Context(), func() error { return wrong }); !errors.Is(err, wrong) {
			t.Errorf("%v became %v", wrong, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := p.until(ctx, func() error { cancel(); return errAway }); err != nil {
		t.Errorf("stopped while it waits: %v", err)
	}
}
