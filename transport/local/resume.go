package local

import (
	"context"
	"errors"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// resume copies the longest good beginning that an earlier attempt left into
// this attempt's part and returns its length. Only what was re-read at the
// destination and found right counts.
func (s *sending) resume(ctx context.Context) (int64, error) {
	var best storage.Attempt
	var most int64
	for _, earlier := range s.item.Earlier {
		if earlier == s.item.Attempt {
			continue
		}
		n, err := s.good(ctx, earlier)
		if err != nil {
			return 0, err
		}
		if n > most {
			best, most = earlier, n
		}
		if most == s.item.Size {
			break
		}
	}
	if most == 0 {
		return 0, nil
	}
	if err := s.target.CopyPart(ctx, best, s.item.Attempt, most); err != nil {
		return 0, s.targetFailed(ctx, err)
	}
	return most, nil
}

// good is how many bytes at the beginning of an attempt's part are right. A
// part that is missing, or that cannot be read, is worth nothing.
func (s *sending) good(ctx context.Context, a storage.Attempt) (int64, error) {
	alive := func(string, int64) { s.moved(0) }
	r, err := s.target.ReadPart(ctx, a, alive)
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.Is(err, storage.ErrOffline), errors.Is(err, storage.ErrForeign), errors.Is(err, storage.ErrDenied):
		return 0, s.targetFailed(ctx, err)
	}
	return s.prefix(r.Segments, r.Size), nil
}

// prefix is the length of the leading segments that are whole and right.
func (s *sending) prefix(got []opsdb.Digest, size int64) int64 {
	var n int64
	for i, want := range s.item.Segments {
		end := min(int64(i+1)*s.segment, s.item.Size)
		if i >= len(got) || got[i] != want || end > size {
			break
		}
		n = end
	}
	return n
}
