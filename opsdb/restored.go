package opsdb

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Seen is how far a process has seen OpsDB: its epoch, and the last event of the
// audit log that was in the chain. A database that lacks that event, or has
// another one in its place, was put back to an earlier time (S8).
type Seen struct {
	Epoch string `json:"epoch"`
	Seq   int64  `json:"seq"`
	Hash  Digest `json:"hash"`
}

// Restored says that OpsDB was put back to an earlier time, and that nobody has
// looked since what the disks have: nothing is deleted or packed (S8).
type Restored struct {
	At  time.Time
	Who string // who noticed: "engine:<id>", "worker:<id>", "person:<name>"
	Why string
}

// TokenGap is by how much the tokens of open tasks are raised in a restored
// database: no attempt that was begun after the back-up has one as high.
const TokenGap = 1 << 20

// Inventory is what was found at one location, held against OpsDB.
type Inventory struct {
	Location string
	Who      string
	Found    int    // objects that OpsDB knows
	Lost     []ID   // copies that OpsDB has and the location has not
	Unknown  int    // objects of which OpsDB knows nothing
	Accepted string // why a person takes the unknown ones as they are; "" for: does not
	// Numbers is the highest number of a package seen there, by its route: none is given twice.
	Numbers map[string]int64
}

// Passed reports whether nothing is left to be explained by a person.
func (i Inventory) Passed() bool { return i.Unknown == 0 || i.Accepted != "" }

// Restoring is how a database that was put back is recognised, and trusted again.
type Restoring interface {
	// Recognise holds the chain against what a process has seen. If it lacks the event of seen, has another in its
	// place, or is of an epoch it never had, the database is marked as restored, as by MarkRestored. It returns how
	// far the database is now: what the process has to keep. A zero Seen is held against nothing.
	Recognise(ctx context.Context, seen Seen, who string) (Seen, error)
	// MarkRestored begins a new epoch: open tasks get tokens that no attempt of the old one has, what was being done is
	// offered again, everything is evaluated anew, and until EndRestored every deletion meets an [Objection] of rule S8,
	// no package task is given out or claimed, and CloseGroup fails with ErrChanged. Event opsdb.restored says who noticed and why.
	MarkRestored(ctx context.Context, who, why string) error
	// Inventoried records what was found at a location: its lost copies are lost, unless a task is at them. If it
	// has passed and the database is restored, the location need not be looked at again in this epoch.
	Inventoried(ctx context.Context, i Inventory) error
	// Uninventoried are the active locations of sites that are not lost whose inventory has not passed in this epoch, in order of name.
	Uninventoried(ctx context.Context) ([]string, error)
	// EndRestored trusts the database again. ErrInvariant, naming them, while there are locations without inventory. Of one that is not restored nothing is changed.
	EndRestored(ctx context.Context, who, why string) error
}

// ErrRestored is why something is not done in a database that was put back (S8).
var ErrRestored = errors.New("the database was restored, and no inventory has passed since")

// WhyRestored says why a database at now, whose event of seen's number has the
// hash there ("" if it has none), must have been put back; "" if it need not.
func WhyRestored(seen, now Seen, there Digest) string {
	switch {
	case seen.Seq > now.Seq:
		return fmt.Sprintf("its audit log ends with event %d, and event %d was seen", now.Seq, seen.Seq)
	case seen.Seq > 0 && seen.Hash != there:
		return fmt.Sprintf("event %d of its audit log is another one than was seen", seen.Seq)
	}
	return ""
}

// NewEpoch is the name of an epoch that no other database has.
func NewEpoch() string { return NewID().Short() + NewID().Short() }

// restoredObjection is what every deletion meets while the database is not trusted.
func restoredObjection() *Objection {
	return &Objection{Rule: "S8", Reason: "restored", Text: ErrRestored.Error() + ": `dtctl inventory`"}
}
