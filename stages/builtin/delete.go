package builtin

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func deleteSpec() stages.Spec {
	return stages.Spec{
		Type:     "delete",
		Help:     "Removes one copy through the safety gate. Compiled from a route's retention; it is never written as a stage.",
		Compiled: true,
		Phases:   phases(checking, storage.ReadingBack, removing),
		ToTypes:  []opsdb.LocationType{opsdb.Source, opsdb.Buffer, opsdb.Processing},
	}
}
