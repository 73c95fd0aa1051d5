package opsdb

import "time"

// Life is when a package came and went its way, for its trace: from the filing of its oldest file to its last archive.
type Life struct {
	Package    ID
	Route      string
	FirstFiled time.Time // of its files; zero if nobody knows
	MadeAt     time.Time
	// Archived is when the last of the archives that have it recorded its first receipt; zero: none has.
	Archived time.Time
	// Again: an archive has recorded a receipt since; what was archived was read, or made, again.
	Again bool
}
