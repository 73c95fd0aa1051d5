package builtin

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func transferSpec() stages.Spec {
	return stages.Spec{
		Type: "transfer",
		Help: "Moves a package along a link or within a site: send at the link's driver, then receive at the destination, where it is synced, read back from the medium, signed for and given its final name.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "Where packages are read.", Example: "ccat.buffer"},
			{Name: "to", Type: stages.Places, Required: true, Help: "Where they may go; the engine finds the way each package takes.", Example: "landing"},
			{Name: "batch", Type: stages.Object, Later: true, Help: "Several packages in one call of the transport, each verified and recorded on its own.",
				Example: "{max_size: 200GB, max_packages: 100, max_wait: 10m}",
				Fields: []stages.Field{
					{Name: "max_size", Type: stages.Size, Help: "Bytes of a batch at most.", Example: "200GB"},
					{Name: "max_packages", Type: stages.Int, Help: "Packages of a batch at most.", Example: "100"},
					{Name: "max_wait", Type: stages.Duration, Help: "How long a package waits for others at most.", Example: "10m"},
				}},
		},
		Phases:       phases(storage.Moving, storage.Syncing, storage.ReadingBack, storage.Committing, checking),
		FromTypes:    []opsdb.LocationType{opsdb.Buffer, opsdb.Archive, opsdb.Processing},
		ToTypes:      []opsdb.LocationType{opsdb.Buffer},
		CrossesLinks: true,
	}
}
