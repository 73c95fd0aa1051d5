package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Killer is implemented by targets at another site, where an attempt may have
// processes. When Kill has returned nil, none of the attempt runs there. Bytes that were on their way
// through a call shared with other attempts may still make a part of its name: nobody may continue that file.
type Killer interface {
	Kill(ctx context.Context, a storage.Attempt) error
}

// Kill ends what an attempt runs at the target; a target that runs nothing has nothing to end.
func Kill(ctx context.Context, target storage.Storage, a storage.Attempt) error {
	k, ok := target.(Killer)
	if !ok {
		return nil
	}
	if err := k.Kill(ctx, a); err != nil {
		return fmt.Errorf("end what attempt %s runs at %s: %w", a.Name(), target.Location(), err)
	}
	return nil
}

// Keep copies the longest good beginning that an earlier attempt left at the
// target into the item's own part, and returns its length; if that is 0, the
// attempt has no part. Only what is re-read at the target and found right
// counts, and only once nothing of the earlier attempt runs any more. segment is
// what one digest of the item covers (opsdb.SegmentSize); alive is called while something long goes on.
// An error is the target's, unclassified; a part that is missing or cannot be read is none.
func Keep(ctx context.Context, it Item, segment int64, alive func()) (int64, error) {
	k := keeping{ctx, it, segment, alive, nil}
	receiver, ok := it.Target.(storage.Receiver)
	if !ok {
		return 0, fmt.Errorf("keep what is at %s: its storage takes no part files", it.Target.Location())
	}
	k.receiver = receiver
	if err := it.Target.Discard(ctx, it.Attempt); err != nil {
		return 0, err
	}
	best, most, err := k.best()
	if err != nil || most == 0 {
		return 0, err
	}
	if err := k.copy(best, most); err != nil {
		return most, err
	}
	it.kept(most)
	return most, nil
}

func (it Item) kept(n int64) {
	if it.Kept != nil {
		it.Kept(n)
	}
}

// GivenUp tells that n bytes that crossed the link are sent once more.
func (it Item) GivenUp(n int64) { it.kept(-n) }

// look is how often a part is looked at while it is copied.
const look = 5 * time.Second

// copy copies the good beginning; that the new part grows is its sign of life.
func (k keeping) copy(from storage.Attempt, n int64) error {
	k.alive()
	copied := make(chan error, 1)
	go func() { copied <- k.receiver.CopyPart(k.ctx, from, k.item.Attempt, n) }()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for seen := int64(0); ; {
		select {
		case err := <-copied:
			return err
		case <-tick.C:
			sizer, ok := k.receiver.(storage.PartSizer)
			if !ok {
				continue
			}
			if size, err := sizer.PartSize(k.ctx, k.item.Attempt); err == nil && size > seen {
				seen = size
				k.alive()
			}
		}
	}
}

type keeping struct {
	ctx      context.Context
	item     Item
	segment  int64
	alive    func()
	receiver storage.Receiver
}

// best is the earlier attempt with the longest good beginning.
func (k keeping) best() (best storage.Attempt, most int64, err error) {
	for _, earlier := range k.item.Earlier {
		if earlier == k.item.Attempt {
			continue
		}
		n, err := k.good(earlier)
		if err != nil {
			return best, 0, err
		}
		if n > most {
			best, most = earlier, n
		}
		if most == k.item.Size {
			break
		}
	}
	return best, most, nil
}

// good is how many bytes at the beginning of an attempt's part are right.
func (k keeping) good(a storage.Attempt) (int64, error) {
	if len(k.item.Segments) == 0 {
		return 0, k.ctx.Err()
	}
	if err := Kill(k.ctx, k.item.Target, a); err != nil {
		return 0, err
	}
	r, err := k.receiver.ReadPart(k.ctx, a, func(string, int64) { k.alive() })
	switch {
	case k.ctx.Err() != nil:
		return 0, k.ctx.Err()
	case errors.Is(err, storage.ErrOffline), errors.Is(err, storage.ErrForeign), errors.Is(err, storage.ErrDenied), errors.Is(err, storage.ErrUnreachable):
		return 0, err
	}
	// A part that is missing or cannot be read has no segments: it is worth nothing.
	return Prefix(k.item, k.segment, r.Segments, r.Size), nil
}

// Prefix is the length of the leading segments that are whole and right.
func Prefix(it Item, segment int64, got []opsdb.Digest, size int64) int64 {
	var n int64
	for i, want := range it.Segments {
		end := min(int64(i+1)*segment, it.Size)
		if i >= len(got) || got[i] != want || end > size {
			break
		}
		n = end
	}
	return n
}
