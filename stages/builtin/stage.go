package builtin

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func stageSpec() stages.Spec {
	return stages.Spec{
		Type: "stage",
		Help: "Brings a package to a processing location and unpacks it there, with true names and modification times; every file's digest is read back and checked.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "Where packages are read.", Example: "[landing, archives]"},
			{Name: "to", Type: stages.Places, Required: true, Help: "The processing locations.", Example: "cologne.ramses"},
			{Name: "when", Type: stages.Expression, Kind: "when", Default: "requested",
				Help: "A package is wanted there while this is true: on request, or by rule.", Example: "requested"},
		},
		Phases:       phases(storage.Moving, storage.Syncing, checking, unpacking, storage.ReadingBack, storage.Committing),
		FromTypes:    []opsdb.LocationType{opsdb.Buffer, opsdb.Archive},
		ToTypes:      []opsdb.LocationType{opsdb.Processing},
		CrossesLinks: true,
		Wants:        true,
	}
}
