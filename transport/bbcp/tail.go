package bbcp

import (
	"context"
	"strings"
)

// A package of which an earlier attempt left a good beginning has that
// beginning in this attempt's part already, re-read and copied at the destination. What is missing
// travels through a pair of programs (bbcp -N): one reads the source from there on, the other
// writes behind what is there. bbcp's own resuming (-a) would go on behind bytes nobody read, and asks for
// a checkpoint of the earlier call that does not fit another attempt's name (ADR 0024).

// sendTails brings the rest of each item that has a beginning, one call each.
func (s *sending) sendTails(ctx context.Context) {
	for _, it := range s.items {
		if !it.open() || it.kept == 0 {
			continue
		}
		if s.stop(ctx, []*item{it}) {
			continue
		}
		e := endsOf(it)
		c := s.newCall([]*item{it}, e, s.opts.tail(it, e))
		c.run(ctx)
		if s.arrived(ctx, c, it) {
			continue
		}
		if forbids(c.out.text()) {
			it.err = s.fromTheStart(ctx, it)
			continue
		}
		it.err = s.failure(ctx, c, it)
	}
}

// forbids says whether an end lets bbcp start no programs (BBCP_ALLOWPP).
func forbids(text string) bool {
	return strings.Contains(text, " disallows ") && strings.Contains(text, "program pipe") || strings.Contains(text, " disallows dd ")
}

// fromTheStart gives up the beginning: the item goes as a whole.
func (s *sending) fromTheStart(ctx context.Context, it *item) error {
	if err := it.Target.Discard(ctx, it.Attempt); err != nil {
		return s.targetFailed(ctx, it, err)
	}
	it.kept = 0
	it.mu.Lock()
	defer it.mu.Unlock()
	it.GivenUp(it.told)
	return nil
}

// stop gives items their error where nothing more is to be tried: after a cancel, or when the link is down.
func (s *sending) stop(ctx context.Context, items []*item) bool {
	err := ctx.Err()
	if err == nil {
		err = s.down
	}
	if err == nil {
		return false
	}
	for _, it := range items {
		it.err = err
	}
	return true
}

func endsOf(it *item) ends { return ends{source: far(it.Source), target: far(it.Target)} }

func (s *sending) newCall(items []*item, e ends, args []string) *call {
	return &call{opts: s.opts, items: items, ends: e, args: args, since: s.since}
}
