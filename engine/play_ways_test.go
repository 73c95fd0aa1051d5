package engine_test

import (
	"testing"
	"time"
)

func TestOceanIsCrossedOnce(t *testing.T) {
	t.Parallel()
	p := newPlay(t, ccat("cologne", "cornell"))
	p.observe("ccat.primecam", "obs1", 3, gb)
	p.run(time.Hour)
	p.wantLog("pack ccat.primecam>ccat.buffer", "ship ccat.buffer>cologne.buffer",
		"replicate cologne.buffer>cornell.buffer", "archive cologne.buffer>cologne.lta", "archive cornell.buffer>cornell.lta")
	p.wantEverywhere("cologne.lta", "cornell.lta")
}
