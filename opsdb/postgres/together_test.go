package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var mu sync.Mutex
		var lots []int
		odd := errors.New("odd")
		g := &together[int, int]{do: func(ctx context.Context, in []int) ([]int, []error) {
			mu.Lock()
			lots = append(lots, len(in))
			mu.Unlock()
			out, errs := make([]int, len(in)), make([]error, len(in))
			select {
			case <-gate:
			case <-ctx.Done():
			}
			for i, n := range in {
				if out[i] = 2 * n; ctx.Err() != nil {
					errs[i] = ctx.Err()
				} else if n%2 == 1 {
					errs[i] = odd
				}
			}
			return out, errs
		}}
		var all sync.WaitGroup
		for n := range 100 {
			all.Go(func() {
				got, err := g.call(t.Context(), n)
				if got != 2*n || (n%2 == 1) != errors.Is(err, odd) {
					t.Errorf("%d gives %d, %v", n, got, err)
				}
			})
		}
		synctest.Wait()
		close(gate)
		all.Wait()
		slices.Sort(lots)
		if len(lots) > 5 || lots[len(lots)-1] < 40 {
			t.Errorf("100 calls went in lots of %v", lots)
		}
	})
}

func TestTogetherEndsWithItsCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &together[int, int]{do: func(ctx context.Context, in []int) ([]int, []error) {
			<-ctx.Done()
			return make([]int, len(in)), slices.Repeat([]error{ctx.Err()}, len(in))
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		for range 2 * lotsAtOnce {
			go func() {
				_, err := g.call(ctx, 1)
				ended <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range 2 * lotsAtOnce {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("a call that was cancelled gives %v", err)
			}
		}
		synctest.Wait()
		if g.running != 0 || len(g.waiting) > 0 {
			t.Errorf("%d lots run, %d calls wait", g.running, len(g.waiting))
		}
		if _, err := g.call(ctx, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("a call with a context that has ended gives %v", err)
		}
	})
}

// TestTogetherWaitsForALotButNotForLong shows that what comes while a lot is under way goes
// together, and that one that is held up keeps nobody for long.
func TestTogetherWaitsForALotButNotForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held := make(chan struct{})
		lots := make(chan int, 10)
		g := &together[int, int]{do: func(_ context.Context, in []int) ([]int, []error) {
			lots <- len(in)
			if in[0] == 0 {
				<-held
			}
			return make([]int, len(in)), make([]error, len(in))
		}}
		var all sync.WaitGroup
		begin := func(n int) {
			all.Go(func() {
				if _, err := g.call(t.Context(), n); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		begin(0)
		for range 10 {
			begin(1)
		}
		if len(lots) != 1 {
			t.Errorf("%d lots were begun while one was under way", len(lots))
		}
		late := time.NewTimer(2 * heldUp)
		<-late.C
		synctest.Wait()
		if first, second := <-lots, <-lots; first != 1 || second != 10 {
			t.Errorf("lots of %d and %d, want 1 and then the 10 that waited", first, second)
		}
		close(held)
		all.Wait()
	})
}

func queued(g *together[int, int]) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// TestTogetherGathersAfterALargeLot shows that those whom a large lot has answered go together
// again, and that a call that comes alone after that waits for nobody.
func TestTogetherGathersAfterALargeLot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards lots
		var lots []int
		sent := func() []int {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(lots)
		}
		first := make(chan struct{})
		g := &together[int, int]{do: func(_ context.Context, in []int) ([]int, []error) {
			mu.Lock()
			lots = append(lots, len(in))
			held := len(lots) == 1
			mu.Unlock()
			if held {
				<-first
			}
			return make([]int, len(in)), make([]error, len(in))
		}}
		many := func(n int) {
			var all sync.WaitGroup
			for range n {
				all.Go(func() {
					if _, err := g.call(t.Context(), 1); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
				if len(sent()) == 1 && queued(g) == large {
					close(first)
				}
			}
			all.Wait()
		}
		many(1 + large)
		began := time.Now()
		many(3)
		if waited := time.Since(began); waited != company {
			t.Errorf("after a large lot, the first who came waited %s for the others", waited)
		}
		if lots := sent(); !slices.Equal(lots, []int{1, large, 3}) {
			t.Errorf("lots of %v, want 1, then the %d that waited for it, then the 3 that came back", lots, large)
		}
		began = time.Now()
		many(1)
		if waited := time.Since(began); waited > 0 {
			t.Errorf("after small lots, a call alone waited %s", waited)
		}
	})
}
