package disk

import "hash/crc32"

// guard is a 64-bit check of what goes by: two 32-bit CRCs of different polynomials,
// which processors compute many times faster than a digest. It holds what was read back against what
// was written where no digest is known beforehand. It is no digest: it finds accidents, not intent.
// Where digests are promised it is off.
type guard struct {
	castagnoli, ieee uint32
	off              bool
}

func (g *guard) add(p []byte) {
	if g.off {
		return
	}
	g.castagnoli = crc32.Update(g.castagnoli, crc32.MakeTable(crc32.Castagnoli), p)
	g.ieee = crc32.Update(g.ieee, crc32.IEEETable, p)
}
