package live_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ccatobs/cdt/live"
	"github.com/ccatobs/cdt/live/memory"
)

func TestKeepSpeaksForAWorkerWhileItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := memory.New(memory.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		busy := 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			live.Keep(ctx, l, func() live.Worker { busy++; return live.Worker{ID: "w", Busy: busy} })
		}()
		<-time.After(10*live.TTL + time.Second)
		got, err := l.Workers(t.Context())
		if err != nil || len(got) != 1 || got[0].Busy != 31 || got[0].Age != time.Second {
			t.Errorf("a second after its 31st word: %+v, %v", got, err)
		}
		cancel()
		<-ended
		if got, err := l.Workers(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("stopped, it is still there: %+v, %v", got, err)
		}
	})
}
