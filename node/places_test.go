package node_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/testserver/executable"
)

// marked is an OpsDB that knows one location's marker.
type marked struct{ marker opsdb.ID }

func (m *marked) World(context.Context) (opsdb.World, error) {
	return opsdb.World{Locations: map[string]opsdb.Location{"cologne.buffer": {Marker: m.marker}}}, nil
}

// A driver that has a place of another site open takes the marker it was given since: nobody at the driver's site
// checks that place, and every send would fail until a restart.
func TestAFarPlaceWithANewMarker(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "ssh")
	text := `#!/bin/sh
echo '{"cdt_agent":1,"version":"v1","host":"h","pid":1}'
read -r request
echo '{"id":1,"last":true,"fault":{"kinds":["foreign"],"text":"another marker"}}'
`
	executable.Write(t, script, text)
	ccat, cologne := &graph.Site{Name: "ccat"}, &graph.Site{Name: "cologne"}
	g := &graph.Graph{
		Locations: map[string]*graph.Location{"cologne.buffer": {Name: "cologne.buffer", Site: cologne, Storage: opsdb.Disk, Path: "/data"}},
		Links:     map[string]*graph.Link{"ccat>cologne": {From: ccat, To: cologne, Driver: "ccat", Far: &graph.Far{Host: "h", SSH: script}}},
	}
	db := &marked{opsdb.NewID()}
	places := node.NewPlaces(g, db, clock.System{})
	places.Sites = []string{"ccat"}
	before, err := places.Storage("cologne.buffer")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Stat(t.Context(), "p.tar"); !errors.Is(err, storage.ErrForeign) {
		t.Fatal(err)
	}
	db.marker = opsdb.NewID()
	if after, err := places.Storage("cologne.buffer"); err != nil || after == before {
		t.Errorf("it is open with the old marker still (%v)", err)
	}
}
