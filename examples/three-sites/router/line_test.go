package router

import (
	"math/rand/v2"
	"testing"
	"time"
)

// bench is a line whose clock stands still until it is moved.
type bench struct {
	*line
	at time.Duration
}

func newBench(set Line) *bench {
	b := &bench{}
	b.line = newLine(func() time.Duration { return b.at }, rand.New(rand.NewPCG(1, 0)))
	b.set = set
	return b
}

func (b *bench) arrived() int {
	p, _ := b.due(nil)
	return len(p)
}

func TestAParcelArrivesAfterItsDelay(t *testing.T) {
	t.Parallel()
	b := newBench(Line{Delay: 100 * time.Millisecond})
	b.put(make([]byte, 1000))
	if _, wait := b.due(nil); wait != 100*time.Millisecond {
		t.Errorf("it arrives after %s", wait)
	}
	b.at = 99 * time.Millisecond
	if n := b.arrived(); n != 0 {
		t.Error("it arrived too soon")
	}
	b.at = 100 * time.Millisecond
	if n := b.arrived(); n != 1 {
		t.Error("it did not arrive")
	}
}

func TestTheRateHoldsParcelsApart(t *testing.T) {
	t.Parallel()
	b := newBench(Line{Rate: 8_000_000}) // 1,000 bytes a millisecond
	for range 10 {
		b.put(make([]byte, 1000))
	}
	for ms := 1; ms <= 10; ms++ {
		b.at = time.Duration(ms) * time.Millisecond
		if n := b.arrived(); n != 1 {
			t.Fatalf("%d arrived at %s", n, b.at)
		}
	}
}

func TestAFullQueueDropsWhatComes(t *testing.T) {
	t.Parallel()
	b := newBench(Line{Rate: 8_000_000, Queue: 5000})
	for range 10 {
		b.put(make([]byte, 1000))
	}
	if b.count.Dropped.Packets != 5 || b.count.Taken.Bytes != 10_000 {
		t.Errorf("%+v", b.count)
	}
	b.at = 2 * time.Millisecond // two have gone
	for range 3 {
		b.put(make([]byte, 1000))
	}
	if b.count.Dropped.Packets != 6 {
		t.Errorf("after two had gone: %+v", b.count)
	}
}

func TestLossIsAShare(t *testing.T) {
	t.Parallel()
	b := newBench(Line{Loss: 0.1})
	const n = 20_000
	for range n {
		b.put([]byte{1})
	}
	if lost := b.count.Lost.Packets; lost < n/11 || lost > n/9 {
		t.Errorf("%d of %d were lost", lost, n)
	}
	if got := b.arrived(); int64(got)+b.count.Lost.Packets != n {
		t.Errorf("%d arrived, %+v", got, b.count)
	}
}

func TestACutLosesWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	b := newBench(Line{Delay: 100 * time.Millisecond})
	b.put([]byte{1})
	b.cuts = []window{{50 * time.Millisecond, 150 * time.Millisecond}}
	b.at = 60 * time.Millisecond
	b.put([]byte{2})
	b.at = 200 * time.Millisecond
	if n := b.arrived(); n != 0 || b.count.Cut.Packets != 2 {
		t.Errorf("%d arrived, %+v", n, b.count)
	}
	b.put([]byte{3})
	b.at = 300 * time.Millisecond
	if n := b.arrived(); n != 1 {
		t.Error("nothing arrives after the cut")
	}
}

func TestNothingOvertakesWhenTheDelayShrinks(t *testing.T) {
	t.Parallel()
	b := newBench(Line{Delay: 100 * time.Millisecond})
	b.put([]byte{1})
	b.set.Delay = 0
	b.put([]byte{2})
	b.at = 99 * time.Millisecond
	if n := b.arrived(); n != 0 {
		t.Error("the second overtook the first")
	}
	b.at = 100 * time.Millisecond
	if n := b.arrived(); n != 2 {
		t.Errorf("%d arrived", n)
	}
}
