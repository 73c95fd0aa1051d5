package live_test

import (
	"testing"

	"github.com/ccatobs/cdt/live"
)

func TestAGapIsToldEvenWhenItIsDroppedItself(t *testing.T) {
	t.Parallel()
	h := live.NewHub()
	s := h.Subscribe(2)
	h.Publish(live.Event{Kind: "a"})
	h.Gap()
	h.Pass(live.Item{Event: live.Event{Kind: "b"}, Missed: 7})
	h.Publish(live.Event{Kind: "c"})
	h.Publish(live.Event{Kind: "d"}) // drops a, the gap and b with what was lost before it
	got, err := s.Next(t.Context())
	if err != nil || got.Kind != "c" || got.Missed != 9 || !got.Gap {
		t.Errorf("after the loss comes %+v, %v", got, err)
	}
	got, err = s.Next(t.Context())
	if err != nil || got.Kind != "d" || got.Missed != 0 || got.Gap {
		t.Errorf("then comes %+v, %v", got, err)
	}
}
