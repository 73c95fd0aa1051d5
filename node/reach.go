package node

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/transport/bbcp"
)

// agent is the agent at the other end of a link that is driven from here, each made once. mu is held.
func (p *Places) agent(l *graph.Link) *remote.Agent {
	if p.agents[l.Name()] == nil {
		a := NewAgent(l)
		p.agents[l.Name()] = a
		p.made = append(p.made, a)
	}
	return p.agents[l.Name()]
}

// reach connects to the other ends of the links that are driven from here, so that the first package does not
// wait for logins. What cannot be reached now is tried again by what needs it. It returns when all have answered or ctx has ended.
func (p *Places) reach(ctx context.Context) {
	var wait sync.WaitGroup
	defer wait.Wait()
	for _, a := range p.driven() {
		wait.Go(func() { _, _ = a.Hello(ctx) })
	}
	for link, to := range p.lastingWays() {
		wait.Go(func() { p.ready(ctx, link, to) })
	}
}

// lastingWays are the buffers at the far ends of links that are driven from here, by link, where standing calls may lead.
func (p *Places) lastingWays() map[*graph.Link][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ways := map[*graph.Link][]string{}
	for _, l := range p.graph.Links {
		if l.Transport != "bbcp" || !slices.Contains(p.Sites, l.Driver) || slices.Contains(p.Sites, l.To.Name) {
			continue
		}
		for name, loc := range p.graph.Locations {
			if loc.Site == l.To && loc.Type == opsdb.Buffer && loc.Storage == opsdb.Disk {
				ways[l] = append(ways[l], name)
			}
		}
	}
	return ways
}

// ready has the standing calls of a link made before they are needed.
func (p *Places) ready(ctx context.Context, l *graph.Link, to []string) {
	t, err := transportOf(l, p.clock.Now(), p.shared(l.Name()), p.standing(l.Name()))
	tr, ok := t.(*bbcp.Transport)
	if err != nil || !ok {
		return
	}
	tick := time.NewTicker(markerLook)
	defer tick.Stop()
	for _, location := range to {
		st, err := p.Storage(location)
		for err != nil { // a site that is new has no markers yet
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			st, err = p.Storage(location)
		}
		_ = tr.Ready(ctx, st)
	}
}

// markerLook is how often a location that could not be opened is looked at again.
const markerLook = 3 * time.Second

func (p *Places) driven() (agents []*remote.Agent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(p.graph.Links)) {
		if l := p.graph.Links[name]; l.Far != nil && slices.Contains(p.Sites, l.Driver) {
			agents = append(agents, p.agent(l))
		}
	}
	return agents
}

// hangUp ends all connections to other ends, and with them what they leave in the folder for temporary files.
func (p *Places) hangUp() {
	p.mu.Lock()
	made, lasting := p.made, slices.Collect(maps.Values(p.lasting))
	p.made = nil
	p.mu.Unlock()
	for _, s := range lasting { // before the connections they go through
		s.Close()
	}
	for _, a := range made {
		a.Close()
	}
}
