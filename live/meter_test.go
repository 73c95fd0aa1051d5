package live_test

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/live"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	var now time.Duration
	m := live.NewMeter(func() time.Duration { return now })
	if r := m.Rate("t", "send", 1000); r != 0 {
		t.Errorf("the first reading gives %v", r)
	}
	now += 2 * time.Second
	if r := m.Rate("t", "send", 3000); r != 1000 {
		t.Errorf("2,000 bytes in 2 s give %v", r)
	}
	if r := m.Rate("t", "send", 9000); r != 1000 {
		t.Errorf("no time passed, and it is %v", r)
	}
	for range 60 { // it stands still
		now += time.Second
		m.Rate("t", "send", 9000)
	}
	if r := m.Rate("t", "send", 9000); r > 100 {
		t.Errorf("after a minute without a byte it is still %v", r)
	}
	now += time.Second
	if r := m.Rate("t", "receive", 50); r != 0 {
		t.Errorf("a new phase begins with %v", r)
	}
	now += time.Second
	if r := m.Rate("t", "receive", 10); r != 0 {
		t.Errorf("a phase that began again begins with %v", r)
	}
	m.Forget("t")
	now += time.Second
	if r := m.Rate("t", "receive", 20); r != 0 {
		t.Errorf("a forgotten task begins with %v", r)
	}
}
