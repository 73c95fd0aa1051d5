package node

import (
	"context"
	"fmt"
	"slices"

	"github.com/ccatobs/cdt/opsdb"
)

// loseAtOnce is how many copies are recorded as lost in one transaction.
const loseAtOnce = 1000

// Lose records that the copies at a location are lost with its disk: from then on their receipts speak for no deletion, and what
// is wanted there is made anew. It returns how many there were. What another disk has nevertheless (adopted) is found by the next tasks.
// The files of a source are left to [TakeInventory], which looks for each of them.
func Lose(ctx context.Context, store opsdb.Store, location string, adopted bool, who string) (lost int, err error) {
	s := stocktaking{store: store, copies: map[string]opsdb.Copy{}, known: map[string]bool{}}
	s.Location = location
	if err := s.expect(ctx); err != nil {
		return 0, fmt.Errorf("take the copies at %s as lost: %w", location, err)
	}
	var ids []opsdb.ID
	for _, c := range s.copies {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, loseAtOnce) {
		i := opsdb.Inventory{Location: location, Who: who, Lost: chunk}
		if adopted {
			i.Unknown = 1 // nobody has looked at what is there: this is no inventory that has passed
		}
		if err := store.Inventoried(ctx, i); err != nil {
			return lost, fmt.Errorf("take the copies at %s as lost: %w", location, err)
		}
		lost += len(chunk)
	}
	return lost, nil
}
