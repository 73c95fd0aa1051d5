package builtin

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
)

// numbered are members 0 to n-1; then the list ends, or breaks.
func numbered(n int, broken error) func(func(opsdb.Member, error) bool) {
	return func(yield func(opsdb.Member, error) bool) {
		for i := range n {
			if !yield(opsdb.Member{Path: strconv.Itoa(i)}, nil) {
				return
			}
		}
		if broken != nil {
			yield(opsdb.Member{}, broken)
		}
	}
}

// counted counts what is open.
type counted struct {
	io.Reader
	open *atomic.Int32
}

func (c *counted) Close() error { c.open.Add(-1); return nil }

func TestMembersAreOpenedAhead(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	for name, c := range map[string]struct {
		members  int
		broken   error // of the list, after them
		bad      int   // member that cannot be opened; -1: none
		leave    int   // after how many the reader leaves; -1: never
		wantRead int
		wantErr  error
	}{
		"all":             {100, nil, -1, -1, 100, nil},
		"none":            {0, nil, -1, -1, 0, nil},
		"the list breaks": {20, errBroken, -1, -1, 20, errBroken},
		"one is bad":      {100, nil, 50, -1, 50, errBroken},
		"the first one":   {100, nil, 0, -1, 0, errBroken},
		"the reader ends": {100, nil, -1, 30, 30, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var open atomic.Int32
				a := newAhead(t.Context(), numbered(c.members, c.broken), func(_ context.Context, m opsdb.Member) (bag.Content, error) {
					if m.Path == strconv.Itoa(c.bad) {
						return nil, errBroken
					}
					if n := open.Add(1); n > openAhead+1 {
						t.Errorf("%d members are open", n)
					}
					return &counted{nil, &open}, nil
				})
				synctest.Wait()
				read, err := read(a, c.leave)
				a.close()
				if read != c.wantRead || !errors.Is(err, c.wantErr) || open.Load() != 0 {
					t.Errorf("%d members were read, want %d; %d stay open; error %v", read, c.wantRead, open.Load(), err)
				}
			})
		})
	}
}

func read(a *ahead, leave int) (n int, err error) {
	for m, err := range a.members() {
		if err != nil {
			return n, err
		}
		if n == leave {
			return n, nil
		}
		content, err := a.open(context.Background(), m)
		if err != nil {
			return n, err
		}
		if m.Path != strconv.Itoa(n) {
			return n, errors.New(m.Path + " is out of order")
		}
		if err := content.Close(); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// A cancel ends it, also while nobody reads.
func TestAheadEndsWithACancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var open atomic.Int32
		a := newAhead(ctx, numbered(100, nil), func(context.Context, opsdb.Member) (bag.Content, error) {
			open.Add(1)
			return &counted{nil, &open}, nil
		})
		synctest.Wait()
		cancel()
		a.done.Wait()
		a.close()
		if open.Load() != 0 {
			t.Errorf("%d members stay open", open.Load())
		}
	})
}
