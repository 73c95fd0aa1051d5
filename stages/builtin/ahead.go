package builtin

import (
	"context"
	"iter"
	"sync"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
)

// openAhead is how many members are open before their turn comes: the medium
// fetches them while others are read and digested.
const openAhead = 8

// ahead opens the members of a package a few files before they are read. Each is compared with what
// was frozen when it is opened, and once more when it was read, however long that lasted.
type ahead struct {
	stop func()
	in   chan opened
	done sync.WaitGroup
	now  opened // whose turn it is
}

// opened is a member with its content, or why it has none; lost says that there is no member, as the list could not be read.
type opened struct {
	opsdb.Member
	content bag.Content
	err     error
	lost    bool
}

// newAhead begins to open members.
func newAhead(ctx context.Context, members iter.Seq2[opsdb.Member, error], open func(context.Context, opsdb.Member) (bag.Content, error)) *ahead {
	ctx, stop := context.WithCancel(ctx)
	a := &ahead{stop: stop, in: make(chan opened, openAhead-1)}
	a.done.Go(func() {
		defer close(a.in)
		for m, err := range members {
			next := opened{Member: m, err: err, lost: err != nil}
			if err == nil {
				next.content, next.err = open(ctx, m)
			}
			select {
			case a.in <- next:
			case <-ctx.Done():
				next.close()
				return
			}
			if next.err != nil {
				return // it is the last one that is asked for
			}
		}
	})
	return a
}

// members are the members, each when it is open.
func (a *ahead) members() iter.Seq2[opsdb.Member, error] {
	return func(yield func(opsdb.Member, error) bool) {
		for a.now = range a.in {
			var err error
			if a.now.lost {
				err = a.now.err
			}
			if !yield(a.now.Member, err) {
				return
			}
		}
	}
}

// open gives the member whose turn it is to its reader, who closes it.
func (a *ahead) open(context.Context, opsdb.Member) (bag.Content, error) {
	content, err := a.now.content, a.now.err
	a.now = opened{}
	return content, err
}

// close closes what was opened and never read.
func (a *ahead) close() {
	a.stop()
	a.now.close()
	for next := range a.in {
		next.close()
	}
	a.done.Wait()
}

func (o opened) close() {
	if o.content != nil {
		_ = o.content.Close() // nobody has read it: whether it changed is of no interest
	}
}
