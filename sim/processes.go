package sim

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ccatobs/cdt/jobs/local"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/sqlite"
)

// Store is an operations database an observatory can stand on.
type Store interface {
	opsdb.Store
	// Serve is what the one process, or the first, does before it serves the database.
	Serve(ctx context.Context) (release func(), err error)
}

// database opens the configured operations database, by the observatory's clock.
func (o *Observatory) database(ctx context.Context) (Store, error) {
	if o.cfg.Store != nil {
		return o.cfg.Store(ctx, o.Clock)
	}
	s, err := sqlite.Open(ctx, o.DB(), sqlite.Options{Clock: o.Clock})
	if err != nil {
		return nil, fmt.Errorf("open the observatory's database: %w", err)
	}
	return s, nil
}

// start puts the processes together and activates the routes.
func (o *Observatory) start(ctx context.Context) (err error) {
	queue := local.New()
	memory, err := node.OpenMemory(filepath.Join(o.Root, "seen.json"))
	if err != nil {
		return err
	}
	part := func(name string, roles node.Roles, sites ...string) (*node.Node, error) {
		return node.New(node.Config{
			Store: o.Store, Graph: o.Graph, Clock: o.Clock, Virtual: true, Name: name, Version: "sim", AtOnce: o.cfg.AtOnce, Progress: o.progress,
			Queue: queue, Roles: roles, Sites: sites, Memory: memory, Network: o.cfg.Network, Tracer: o.cfg.Tracer,
		})
	}
	roles := node.RoleAll
	if o.cfg.Apart {
		roles = node.RoleEngine
	}
	if o.Node, err = part("sim", roles); err != nil {
		return err
	}
	o.Driver = &Driver{Node: o.Node, Clock: o.Clock, Stop: o.finished}
	if o.cfg.Apart {
		for _, site := range o.Node.Sites() {
			n, err := part("sim-"+site, node.RoleWorker, site)
			if err != nil {
				return err
			}
			o.Driver.Workers = append(o.Driver.Workers, n)
		}
	}
	if err := o.Node.Start(ctx, node.Revision(o.Graph, o.Texts, "sim", "the routes of this run")); err != nil {
		return err
	}
	for i := 1; i < o.cfg.Engines; i++ {
		n, err := part(fmt.Sprintf("sim-engine%d", i+1), node.RoleEngine)
		if err != nil {
			return err
		}
		n.Engine.Follow(o.Graph, o.Node.Revision())
		o.Driver.Engines = append(o.Driver.Engines, n)
	}
	return nil
}
