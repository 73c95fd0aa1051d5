package node

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/transport/bbcp"
)

// Storages and Transports are the words of the drivers this version has; a
// move that needs another one is blocked: no_driver.
func Storages() []string {
	return []string{string(opsdb.Disk), string(opsdb.S3), string(opsdb.Tape)}
}

// Transports are the words of the transports this version has.
func Transports() []string { return []string{"local", "rsync", "bbcp"} }

// Worlds gives the world: whose markers belong to which location.
type Worlds interface {
	World(ctx context.Context) (opsdb.World, error)
}

// Places opens the storages of the locations of a graph, each once, with the
// marker OpsDB knows for it.
type Places struct {
	// Credentials are those of this process. Set before the first use.
	Credentials Credentials
	// Sites are those whose storages this process reaches itself; empty: all. A
	// disk at another one is reached over the link that leads there. Set before the first use.
	Sites []string

	store Worlds
	clock clock.Clock

	mu      sync.Mutex
	graph   *graph.Graph
	disks   map[string]*known
	agents  map[string]*remote.Agent  // by link
	lasting map[string]*bbcp.Standing // by link
	made    []*remote.Agent           // all there ever were: what holds an open storage may use one of another graph
}

// known is an open storage and the marker it was opened with.
type known struct {
	storage storage.Storage
	marker  opsdb.ID
}

// NewPlaces returns the places of g.
func NewPlaces(g *graph.Graph, store Worlds, c clock.Clock) *Places {
	return &Places{graph: g, store: store, clock: c, disks: map[string]*known{}, agents: map[string]*remote.Agent{}, lasting: map[string]*bbcp.Standing{}}
}

var _ storage.Catalog = (*Places)(nil)

// Graph is the graph the places are of.
func (p *Places) Graph() *graph.Graph {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.graph
}

// use makes them the places of another graph. What holds an open storage keeps it.
func (p *Places) use(g *graph.Graph) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.graph, p.disks, p.agents = g, map[string]*known{}, map[string]*remote.Agent{} // an agent nobody uses hangs up by itself
}

// Storage implements [storage.Catalog]. A location that was never initialised is offline (S9).
func (p *Places) Storage(location string) (storage.Storage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := p.disks[location]; ok {
		return k.storage, nil
	}
	return p.open(location)
}

// open opens a location with the marker OpsDB has for it now.
func (p *Places) open(location string) (storage.Storage, error) {
	l, ok := p.graph.Locations[location]
	if !ok {
		return nil, fmt.Errorf("open %s: no such location in the routes", location)
	}
	marker, err := p.marker(context.Background(), location)
	if err != nil { // OpsDB is away, which is no fault of the settings
		return nil, stages.Failed(opsdb.Failure{Class: opsdb.Transient}, err)
	}
	if marker == "" {
		err := fmt.Errorf("open %s: it was never initialised: run `dtctl init-location %s`: %w", location, location, storage.ErrOffline)
		return nil, stages.Failed(storage.Classify(location, err), err)
	}
	s := p.far(l, marker)
	if s == nil {
		if s, err = Open(l, marker, p.clock, p.Credentials); err != nil {
			return nil, err
		}
	}
	p.disks[location] = &known{s, marker}
	return s, nil
}

// ErrMarked says that a location was initialised before and its root does not carry the marker of then: an unmounted
// disk looks like that, and a marker is never made because it is missing (S9).
var ErrMarked = errors.New("the location was initialised before, and this root does not carry the marker of then")

// Taking is how Init takes a root.
type Taking struct {
	Adopt bool // also one with other content
	// Another is called if the root takes the place of one that the location had before, which is gone for good: before the
	// new marker counts, what was there must count no more. nil: such a root is refused.
	Another func(context.Context) error
}

// Init gives the root of a location its marker and records it in OpsDB. A root
// that carries the location's marker already is taken as it is. The error wraps ErrMarked for a root without the
// marker that OpsDB knows, and nothing is written then.
func Init(ctx context.Context, s Marks, c clock.Clock, k Credentials, l *graph.Location, how Taking, who string) (opsdb.Marker, error) {
	st, err := Open(l, "", c, k)
	if err != nil {
		return opsdb.Marker{}, err
	}
	known, err := s.Marker(ctx, l.Name)
	if err != nil {
		return opsdb.Marker{}, fmt.Errorf("look up the marker of %s: %w", l.Name, err)
	}
	m, there, err := markerThere(ctx, st)
	if err = how.may(known, m.ID, err); err == nil && !there {
		m = opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: l.Name, MadeAt: c.Now()}
		err = st.Init(ctx, m, how.Adopt)
	}
	if err == nil && known != "" && known != m.ID {
		err = how.Another(ctx)
	}
	if err != nil {
		return m, fmt.Errorf("initialise %s: %w", l.Name, err)
	}
	if err := s.AddMarker(ctx, l.Name, m.ID, who); err != nil {
		return m, fmt.Errorf("record the marker of %s: %w", l.Name, err)
	}
	return m, nil
}

// markerThere is the location's marker at its root, if it can be read: of a root that can only be read, too.
func markerThere(ctx context.Context, st storage.Storage) (m opsdb.Marker, there bool, err error) {
	h, err := st.Check(ctx)
	if err == nil || errors.Is(err, storage.ErrReadOnly) && h.Marker.ID != "" {
		return h.Marker, true, nil
	}
	return opsdb.Marker{}, false, err
}

// may says why a root may not be taken, if OpsDB knows a marker of the location; err is why none could be read.
func (how Taking) may(known, found opsdb.ID, err error) error {
	switch {
	case known == "" || how.Another != nil || known == found:
		return nil
	case err == nil:
		return fmt.Errorf("%w: it carries %s, and was %s", ErrMarked, found, known)
	case errors.Is(err, storage.ErrOffline):
		return fmt.Errorf("%w, %s: %w", ErrMarked, known, err)
	}
	return err
}

// Marks records the markers of locations: OpsDB.
type Marks interface {
	Marker(ctx context.Context, location string) (opsdb.ID, error)
	AddMarker(ctx context.Context, location string, marker opsdb.ID, who string) error
}

// marker is the identity OpsDB knows for a location.
func (p *Places) marker(ctx context.Context, location string) (opsdb.ID, error) {
	w, err := p.store.World(ctx)
	if err != nil {
		return "", fmt.Errorf("look up the marker of %s: %w", location, err)
	}
	return w.Locations[location].Marker, nil
}

// Check implements [worker.Checker].
func (p *Places) Check(ctx context.Context, location string) (free, total int64, marker opsdb.ID, err error) {
	s, err := p.Storage(location)
	if err != nil {
		return -1, 0, "", err
	}
	h, err := s.Check(ctx)
	if errors.Is(err, storage.ErrForeign) {
		p.forget(location) // init-location may have been run since
	}
	if err != nil {
		return -1, 0, "", stages.Failed(storage.Classify(location, err), err)
	}
	return h.Free, h.Total, h.Marker.ID, nil
}

func (p *Places) forget(location string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.disks, location)
}
