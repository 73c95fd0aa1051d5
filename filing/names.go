package filing

import "github.com/ccatobs/cdt/opsdb"

// ours reports whether a name in a location's root is one CDT keeps for itself.
func ours(name string) bool {
	switch name {
	case opsdb.PartDir, opsdb.TrashDir, opsdb.QuarantineDir, opsdb.MarkerName:
		return true
	default:
		return false
	}
}
