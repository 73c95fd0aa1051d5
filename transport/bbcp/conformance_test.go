package bbcp_test

import (
	"testing"

	"github.com/ccatobs/cdt/transport/transporttest"
)

func TestConformance(t *testing.T) {
	each(t, func(t *testing.T, b tool) {
		transporttest.Run(t, func(t *testing.T) transporttest.Way {
			const segment = 4096
			opts := b.options()
			opts.SegmentSize = segment
			return transporttest.Way{
				Transport: b.transport(t, opts), SegmentSize: segment,
				Source: diskAt(t, "ccat.buffer", t.TempDir(), segment), Target: diskAt(t, "cologne.buffer", t.TempDir(), segment),
			}
		})
	})
}
