package sim_test

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// A site falls asleep with the only copy beyond the ocean. By a person's order the package crosses again, to the other site; the
// order is used up, and when the site is back nothing crosses by it any more.
func TestResentPastASleepingSite(t *testing.T) {
	t.Parallel()
	cfg := stand(t, houseConfig(t, ccat(t)))
	cfg.Apart = true
	h := openHouse(t, cfg)
	h.night("first")
	var back func()
	h.whenScheduled("replicate", func(opsdb.Task) { back = h.asleep("cologne") })
	h.until("cologne is away", func() bool { return back != nil })
	h.later(time.Hour)
	if n := len(h.archivedAt("cornell.lta")); n > 0 {
		t.Fatal("it is at Cornell without an order")
	}
	for _, f := range h.packages() {
		_, err := h.Store.Resend(t.Context(), opsdb.Resend{Package: f.Package.ID, Site: "cornell", Who: "tester", Why: "cologne is away"})
		h.must(err)
	}
	h.later(12 * time.Hour)
	if got := h.archivedAt("cornell.lta"); len(got) != 1 {
		t.Errorf("Cornell has %q", got)
	}
	for _, f := range h.packages() {
		if len(f.Resends) > 0 {
			t.Errorf("%s: the order still stands", f.Package.Name)
		}
	}
	back()
	h.run()
	h.cleaned(h.judge())
	if ordered, ended := len(h.events(opsdb.EventResend)), len(h.events(opsdb.EventResendEnded)); ordered != len(h.packages()) || ended != ordered {
		t.Errorf("%d ordered, %d ended", ordered, ended)
	}
	for id, n := range h.crossings("ccat") {
		if n != 2 {
			t.Errorf("package %s left %d times, want 2", id.Short(), n)
		}
	}
}
