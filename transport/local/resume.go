package local

import (
	"context"

	"github.com/ccatobs/cdt/transport"
)

// resume takes over the longest good beginning that an earlier attempt left
// and returns its length.
func (s *sending) resume(ctx context.Context) (int64, error) {
	kept, err := transport.Keep(ctx, s.item, s.segment, func() { s.moved(0) })
	if err != nil {
		return 0, s.targetFailed(ctx, err)
	}
	return kept, nil
}
