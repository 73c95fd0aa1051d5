package local

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/ccatobs/cdt/clock"
)

// octet is the bits of a byte: rates are in bit/s, as in routes.
const octet = 8

// parts is into how many pieces the bytes of a second are cut: so often they move, and are told of.
const parts = 8

// pace keeps what one Send moves below its rate. nil keeps none.
type pace struct {
	bucket *rate.Limiter
	piece  int64 // bytes that are let through at once
}

// newPace is a pace of bits a second; 0: none.
func newPace(bits int64) *pace {
	if bits <= 0 {
		return nil
	}
	perSecond := float64(bits) / octet
	piece := min(max(int64(perSecond/parts), 1), step)
	p := &pace{rate.NewLimiter(rate.Limit(perSecond), int(piece)), piece}
	p.bucket.AllowN(clock.System{}.Now(), int(piece)) // it begins empty: no burst, however many sends there are
	return p
}

// most is how many of so many bytes may be moved next.
func (p *pace) most(n int64) int64 {
	if p == nil {
		return n
	}
	return min(n, p.piece)
}

// wait waits until n bytes, at most [pace.most], may move. Its error is a cancel's.
func (p *pace) wait(ctx context.Context, n int64) error {
	if p == nil {
		return nil
	}
	now := clock.System{}.Now()
	turn := time.NewTimer(p.bucket.ReserveN(now, int(n)).DelayFrom(now))
	defer turn.Stop()
	select {
	case <-turn.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
