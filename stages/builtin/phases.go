package builtin

import (
	"time"

	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

// Phases of the types' own, beside those that a storage tells its progress in.
const (
	checking  = "checking"  // stat or re-read before the act
	unpacking = "unpacking" // members go from the tar into their tree
	removing  = "removing"  // rename, prove, unlink
	recording = "recording" // facts and sidecars
)

// limits says what a stall is: moving and reading are judged by bytes, the
// others get time that grows with size.
func limits() []stages.Phase {
	return []stages.Phase{
		{Name: checking, Still: 5 * time.Minute},
		{Name: storage.Moving, Still: 2 * time.Minute},
		{Name: storage.Syncing, Still: 5 * time.Minute, PerGB: 30 * time.Second},
		{Name: storage.ReadingBack, Still: 5 * time.Minute},
		{Name: storage.Committing, Still: 5 * time.Minute, PerGB: time.Second},
		{Name: unpacking, Still: 5 * time.Minute},
		{Name: removing, Still: 5 * time.Minute},
		{Name: recording, Still: 10 * time.Minute, PerGB: time.Second},
	}
}

// phases returns the phases of the given names, in their order.
func phases(names ...string) []stages.Phase {
	var out []stages.Phase
	for _, name := range names {
		for _, p := range limits() {
			if p.Name == name {
				out = append(out, p)
			}
		}
	}
	return out
}
