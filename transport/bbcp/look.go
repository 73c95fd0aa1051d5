package bbcp

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/ccatobs/cdt/storage"
)

// look is how many bytes the parts of a call have at the destination.
type look struct {
	bytes int64
	err   error
}

// look asks for the size of the parts again and again, as quickly as the
// destination answers but not without a pause, and tells progress by it.
func (c *call) look(ctx context.Context, looks chan<- look) {
	pause := min(max(c.opts.Stall/8, time.Millisecond), reports*time.Second)
	for next := 0; ctx.Err() == nil; {
		var l look
		l, next = c.sizes(ctx, next)
		select {
		case looks <- l:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// sizes sums up the parts' sizes. They are written one after the other, so those before next are full.
func (c *call) sizes(ctx context.Context, next int) (look, int) {
	var l look
	for i, it := range c.items {
		if i < next {
			l.bytes += it.Size
			continue
		}
		n, err := partSize(ctx, it)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return look{err: err}, next
		}
		if i > 0 { // the one before is written no more
			c.items[i-1].land()
		}
		it.at(n)
		l.bytes += n
		if n < it.Size {
			break
		}
		next = i + 1
	}
	return l, next
}

// errNoSizes is a destination that cannot be asked.
var errNoSizes = errors.New("its storage does not tell the size of a part")

func partSize(ctx context.Context, it *item) (int64, error) {
	sizer, ok := it.Target.(storage.PartSizer)
	if !ok {
		return 0, errNoSizes
	}
	return sizer.PartSize(ctx, it.Attempt)
}
