package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A batch at which its receiver fails every time is given up after half an hour: it does not stand in the way of all others for ever.
func TestABatchThatNeverGetsThroughIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lost atomic.Int64
		var mu sync.Mutex
		var got []string
		delivered := func(want ...string) bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(got, want)
		}
		out := &safeBuffer{}
		p := newPipe("influxdb", 10, 1, time.Second, slog.New(slog.NewJSONHandler(out, nil)), func(n int) { lost.Add(int64(n)) }, func(_ context.Context, items []string) error {
			if items[0] == "poison" {
				return errors.New("500 Internal Server Error")
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, items...)
			return nil
		})
		for _, item := range []string{"first", "poison", "second", "third"} {
			p.put(item)
		}
		<-time.After(20 * time.Minute) // of the bubble
		synctest.Wait()
		if lost.Load() != 0 || !delivered("first") {
			t.Errorf("after 20 minutes %v were delivered, %d lost", got, lost.Load())
		}
		<-time.After(20 * time.Minute)
		synctest.Wait()
		if lost.Load() != 1 || !delivered("first", "second", "third") {
			t.Errorf("after 40 minutes %v were delivered, %d lost", got, lost.Load())
		}
		if err := p.stop(t.Context()); err != nil {
			t.Error(err)
		}
		if away, back := strings.Count(out.String(), "telemetry is not taken"), strings.Count(out.String(), "taken again"); away != 1 || back != 1 {
			t.Errorf("said %d times that it is away, %d times that it is back:\n%s", away, back, out)
		}
	})
}

// What is refused now and then is counted each time, and said once an hour at most; the rest is taken.
func TestWhatIsRefusedIsSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lost atomic.Int64
		out := &safeBuffer{}
		p := newPipe("otlp_logs", 10, 1, time.Second, slog.New(slog.NewJSONHandler(out, nil)), func(n int) { lost.Add(int64(n)) }, func(_ context.Context, items []int) error {
			if items[0]%2 == 1 {
				return &refusedError{err: errors.New("400 Bad Request")}
			}
			return nil
		})
		for i := range 120 { // two hours
			<-time.After(time.Minute)
			p.put(i)
		}
		if err := p.stop(t.Context()); err != nil {
			t.Error(err)
		}
		if n := strings.Count(out.String(), "400 Bad Request"); lost.Load() != 60 || n != 2 || strings.Contains(out.String(), "again") {
			t.Errorf("%d of 60 were counted, and it was said %d times:\n%s", lost.Load(), n, out)
		}
	})
}
