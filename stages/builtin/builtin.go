// Package builtin is the stage types of CDT: package, transfer, archive,
// stage, verify and delete, one file each.
//
// A type knows how one piece of work is done and what is a fact afterwards.
// It decides nothing: what is to be done is in the task, whether something may
// be deleted says the gate behind stages.Work.Confirm.
//
// It imports stages, the contracts storage and transport, bag, and the nouns of opsdb.
package builtin

import (
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport"
)

// Deps are what the stage types work with.
type Deps struct {
	Storages   storage.Catalog
	Transports transport.Catalog
}

// Specs returns the specs of all stage types, in the order in which they are documented.
func Specs() []stages.Spec {
	return []stages.Spec{packageSpec(), transferSpec(), archiveSpec(), stageSpec(), verifySpec(), deleteSpec()}
}

// All returns all stage types, in the order in which they are documented.
func All(deps Deps) stages.Registry {
	return stages.Registry{
		packageStage{deps}, transferStage{deps}, archiveStage{deps}, stageStage{deps}, verifyStage{deps}, deleteStage{deps},
	}
}
