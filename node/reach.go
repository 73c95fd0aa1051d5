package node

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/storage/remote"
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
}

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
	made := p.made
	p.made = nil
	p.mu.Unlock()
	for _, a := range made {
		a.Close()
	}
}
