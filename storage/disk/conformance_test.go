package disk

import (
	"testing"

	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Storage { return newDisk(t, Options{}) })
}

// noReplace has no RENAME_NOREPLACE, as some network file systems.
type noReplace struct{ linux }

func (noReplace) place(from *dir, name string, to *dir, as string) error {
	return placeByLink(from, name, to, as)
}

func TestConformanceWithoutNoReplace(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Storage {
		d := newDisk(t, Options{})
		d.kernel = noReplace{}
		return d
	})
}
