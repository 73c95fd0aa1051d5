package engine_test

import (
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// TestAFullBufferEmptiesItself: what lies in a buffer that a worker reports as full is read from there and, once it is archived,
// removed: nothing else makes room.
func TestAFullBufferEmptiesItself(t *testing.T) {
	t.Parallel()
	p := twoArchives(t)
	p.g.Routes[0].Retention.Grace = time.Minute
	_, mend := p.cutLink("ccat>cologne", "ccat>cornell")
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(time.Hour)
	report := func(free int64, d *opsdb.Down) {
		p.must(p.store.Report(p.ctx, opsdb.LocationReport{Location: "ccat.buffer", Free: free, Total: 100 * gb, Down: d}))
	}
	report(0, &opsdb.Down{Reason: "full", Text: "no space left on device"})
	p.observe("ccat.primecam", "obs2", 3, gb)
	mend()
	p.run(5 * time.Minute)
	if p.count("pack ") != 1 || p.crossings() != 1 {
		t.Fatalf("before there is room: %v", p.log)
	}
	for _, f := range p.packages() {
		for _, c := range f.Copies {
			if c.Location == "ccat.buffer" && c.Live() && f.Package.Digest != "" {
				t.Fatalf("the copy in the full buffer is %s", c.State)
			}
		}
	}
	report(100*gb, nil)
	p.run(time.Hour)
	p.wantEverywhere("cologne.lta", "cornell.lta")
	if p.count("pack ") != 2 {
		t.Errorf("log: %v", p.log)
	}
}
