package builtin

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func verifySpec() stages.Spec {
	return stages.Spec{
		Type: "verify",
		Help: "Re-reads copies from their medium on a cycle. A good reading is a fresh receipt; a copy that is corrupt or lost is set aside, and what is then wanted is made again by its way.",
		Fields: []stages.Field{
			{Name: "at", Type: stages.Places, Required: true, Help: "Whose copies it re-reads.", Example: "archives"},
			{Name: "every", Type: stages.Duration, Required: true, Help: "How old a copy's last reading may become before it is read again.", Example: "90d"},
			{Name: "on_corrupt", Type: stages.Choice, Options: []string{"repair"}, Default: "repair",
				Help: "What follows when a copy is corrupt: it is made again from a good one.", Example: "repair"},
		},
		Phases:  phases(storage.ReadingBack, checking, storage.Committing),
		ToTypes: []opsdb.LocationType{opsdb.Buffer, opsdb.Archive},
	}
}
