package builtin_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/builtin"
	"github.com/ccatobs/cdt/stages/stagestest"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/local"
)

func TestStages(t *testing.T) {
	t.Parallel()
	stagestest.Run(t, ground)
}

// ground is one of real disks, joined by the local transport.
func ground(t testing.TB) stagestest.Ground {
	root := t.TempDir()
	disks := catalog{}
	for name := range stagestest.Locations() {
		d, err := disk.New(name, filepath.Join(root, name), disk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: name, MadeAt: time.Unix(0, 0).UTC()}
		if err := d.Init(t.Context(), m, false); err != nil {
			t.Fatal(err)
		}
		disks[name] = d
	}
	return stagestest.Ground{
		Registry: builtin.All(builtin.Deps{Storages: disks, Transports: locally{}}),
		Storages: disks,
		Root:     func(location string) string { return filepath.Join(root, location) },
	}
}

type catalog map[string]storage.Storage

func (c catalog) Storage(location string) (storage.Storage, error) {
	if st, ok := c[location]; ok {
		return st, nil
	}
	return nil, fmt.Errorf("no location %q", location)
}

type locally struct{}

func (locally) Transport(string, string) (transport.Transport, error) {
	return local.New(local.Options{}), nil
}
