package router

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Line is what one direction between two machines is like. The zero Line
// delivers at once and loses nothing.
type Line struct {
	Delay time.Duration
	Rate  int64   // bits per second, headers of IP and TCP included; 0: as fast as it goes
	Queue int64   // bytes that may wait for the rate; 0: twice what the line carries within its delay, at least 256 KiB
	Loss  float64 // share of packets lost, 0 to 1
}

// leastQueue is room for some packets whatever the delay is.
const leastQueue = 256 << 10

func (l Line) queue() int64 {
	if l.Queue > 0 {
		return l.Queue
	}
	return max(leastQueue, int64(2*l.Delay.Seconds()*float64(l.Rate)/8))
}

// Count is what happened on one direction so far.
type Count struct {
	Taken   Passed // what came to the line
	Carried Passed // what was handed over at its end
	Lost    Passed // by Loss
	Dropped Passed // because the queue was full
	Cut     Passed // because the line was cut
}

// Passed is packets and their bytes.
type Passed struct{ Packets, Bytes int64 }

func (p *Passed) add(n int) { p.Packets++; p.Bytes += int64(n) }

// window is a time in which a line is cut.
type window struct{ from, to time.Duration }

// parcel is a packet on its way.
type parcel struct {
	at    time.Duration
	bytes []byte
}

// line is one direction. Times are of the router's own clock.
type line struct {
	now  func() time.Duration
	more chan struct{} // one token: something was put

	mu      sync.Mutex
	set     Line
	cut     bool
	cuts    []window
	idle    time.Duration // when all that was taken will have been sent
	last    time.Duration // when the last parcel arrives
	parcels []parcel
	count   Count
	random  *rand.Rand
}

func newLine(now func() time.Duration, random *rand.Rand) *line {
	return &line{now: now, random: random, more: make(chan struct{}, 1)}
}

// isCut is asked with the lock held.
func (l *line) isCut(at time.Duration) bool {
	if l.cut {
		return true
	}
	for _, w := range l.cuts {
		if at >= w.from && at < w.to {
			return true
		}
	}
	return false
}

// put takes a packet or loses it; taken ones belong to the line until they are handed over.
func (l *line) put(packet []byte) (taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, n := l.now(), len(packet)
	l.count.Taken.add(n)
	switch {
	case l.isCut(now):
		l.count.Cut.add(n)
		return false
	case l.set.Loss > 0 && l.random.Float64() < l.set.Loss:
		l.count.Lost.add(n)
		return false
	}
	l.idle = max(l.idle, now)
	if l.set.Rate > 0 {
		if waiting := (l.idle - now).Seconds() * float64(l.set.Rate) / 8; int64(waiting)+int64(n) > l.set.queue() {
			l.count.Dropped.add(n)
			return false
		}
		l.idle += time.Duration(float64(n) * 8 / float64(l.set.Rate) * float64(time.Second))
	}
	l.last = max(l.last, l.idle+l.set.Delay) // nothing overtakes
	l.parcels = append(l.parcels, parcel{at: l.last, bytes: packet})
	select {
	case l.more <- struct{}{}:
	default:
	}
	return true
}

// due takes out the parcels that arrive now; wait is the time until the next
// one (negative: there is none). What arrives at a cut line is lost.
func (l *line) due(into []parcel) (arrived []parcel, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, n := l.now(), 0
	for n < len(l.parcels) && l.parcels[n].at <= now {
		p := l.parcels[n]
		if n++; l.isCut(p.at) {
			l.count.Cut.add(len(p.bytes))
			continue
		}
		l.count.Carried.add(len(p.bytes))
		into = append(into, p)
	}
	clear(l.parcels[:n])
	if l.parcels = l.parcels[n:]; len(l.parcels) == 0 {
		return into, -1
	}
	return into, l.parcels[0].at - now
}

func (l *line) change(do func(*line)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do(l)
}
