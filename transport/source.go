package transport

import (
	"context"
	"fmt"

	"github.com/ccatobs/cdt/storage"
)

// CheckSource holds the source of an item against the record before anything
// moves: it is there, a regular file ([storage.ErrIrregular]) and of the
// recorded size ([storage.ErrMismatch]). Its errors are not classified.
func (i Item) CheckSource(ctx context.Context) error {
	info, err := i.Source.Stat(ctx, i.Path)
	switch {
	case err != nil:
		return err
	case !info.Mode.IsRegular():
		return fmt.Errorf("%s: %w", info.Mode.Type(), storage.ErrIrregular)
	case info.Size != i.Size:
		return fmt.Errorf("it has %d bytes, %d were recorded: %w", info.Size, i.Size, storage.ErrMismatch)
	}
	return nil
}
