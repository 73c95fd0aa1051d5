package memory_test

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/live/livetest"
	"github.com/ccatobs/cdt/live/memory"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	livetest.Run(t, func(t *testing.T, kept time.Duration) livetest.World {
		l := memory.New(memory.Options{TTL: kept, BlobKept: kept})
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		return livetest.World{Here: l, There: l}
	})
}
