package transport

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/storage"
)

// CheckSource holds the source of an item against the record before anything
// moves: it is there, a regular file ([storage.ErrIrregular]) and of the
// recorded size ([storage.ErrMismatch]). Its errors are not classified.
func (it Item) CheckSource(ctx context.Context) error {
	info, err := it.Source.Stat(ctx, it.Path)
	switch {
	case err != nil:
		return err
	case !info.Mode.IsRegular():
		return fmt.Errorf("%s: %w", info.Mode.Type(), storage.ErrIrregular)
	case info.Size != it.Size:
		return fmt.Errorf("it has %d bytes, %d were recorded: %w", info.Size, it.Size, storage.ErrMismatch)
	}
	return nil
}
