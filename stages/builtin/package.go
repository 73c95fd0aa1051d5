package builtin

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

func packageSpec() stages.Spec {
	return stages.Spec{
		Type: "package",
		Help: "Closes a group of source files and writes them into a tar whose content is a BagIt bag, reading each byte once: per-file digests, tar digest and segment digests in one pass. A file that changes meanwhile is left out and the group is packed again without it.",
		Fields: []stages.Field{
			{Name: "from", Type: stages.Places, Required: true, Help: "The source locations whose files it packs; within one route a source belongs to one package stage.", Example: "[ccat.primecam, ccat.chai]"},
			{Name: "to", Type: stages.Places, Required: true, Help: "The buffer at the same site where packages are written.", Example: "ccat.buffer"},
			{Name: "select", Type: stages.Expression, Kind: "select", Default: "true",
				Help: "Which files it takes. Files that no route selects are shown as unrouted.", Example: `group.program != "ENG"`},
			{Name: "group_by", Type: stages.Names, Default: "[instrument, observation, module]", Options: []string{"instrument", "observation", "module", "program"},
				Help: "Files that agree in these go together. A group never spans two locations.", Example: "[instrument, observation, module]"},
			{Name: "max_size", Type: stages.Size, Default: "50GB",
				Help: "A group is split so that no package is larger, except for a single file that is.", Example: "50GB"},
			{Name: "close_when", Type: stages.Expression, Kind: "close_when", Default: "group.finished || group.bytes >= GB(50) || group.idle >= minutes(10)",
				Help: "When a group takes no more files and is packed.", Example: "group.finished || group.idle >= minutes(10)"},
		},
		Phases:    phases(checking, storage.Moving, storage.Syncing, storage.ReadingBack, storage.Committing, recording),
		FromTypes: []opsdb.LocationType{opsdb.Source},
		ToTypes:   []opsdb.LocationType{opsdb.Buffer},
	}
}
