package builtin

import (
	"context"

	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

var _ stages.Batcher = transferStage{}

// RunBatch implements [stages.Batcher]: the sends of packages that go the same
// way, in one call of the transport. What is wrong with one is no matter of the others.
func (s transferStage) RunBatch(ctx context.Context, works []stages.Work, early func(int, stages.Ending)) []stages.Ending {
	ends := make([]stages.Ending, len(works))
	var going []*sending
	var at []int // of works, by item
	prepared := make([]*sending, len(works))
	transport.Each(len(works), func(i int) {
		prepared[i], ends[i].Outcome, ends[i].Err = newRun(s.deps, works[i]).prepare(ctx)
	})
	for i, p := range prepared {
		if p != nil && ends[i].Err == nil {
			p.item.Arrived = func() {
				out, err := p.ended(ctx, nil)
				early(i, stages.Ending{Outcome: out, Err: err})
			}
			going, at = append(going, p), append(at, i)
		}
	}
	for k, err := range sendAll(ctx, going) {
		ends[at[k]].Outcome, ends[at[k]].Err = going[k].ended(ctx, err)
	}
	return ends
}

// sendAll sends what goes the same way at once.
func sendAll(ctx context.Context, going []*sending) []error {
	if len(going) == 0 {
		return nil
	}
	errs := make([]error, len(going))
	tr, err := going[0].run.transport(going[0])
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	items := make([]transport.Item, len(going))
	for i, s := range going {
		items[i] = s.item
		s.run.Phase(storage.Moving, s.item.Size)
	}
	return tr.Send(ctx, items, func(i int, n int64) { going[i].moved(n) })
}
