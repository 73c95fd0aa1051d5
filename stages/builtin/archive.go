package builtin

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func archiveSpec() stages.Spec {
	return stages.Spec{
		Type: "archive",
		Help: "Puts a package into a long-term archive of the same site, create-only, and after the receipt its sidecar, which never changes. What has a final name there is never overwritten: a repair is written beside it.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "The buffers it reads; a move stays within a site.", Example: "landing"},
			{Name: "to", Type: stages.Places, Required: true, Help: "The archives; each one at a site with a way from a source is wanted.", Example: "archives"},
		},
		Phases:    phases(storage.Moving, storage.Syncing, storage.ReadingBack, storage.Committing, checking, recording),
		FromTypes: []opsdb.LocationType{opsdb.Buffer},
		ToTypes:   []opsdb.LocationType{opsdb.Archive},
		Wants:     true,
	}
}
