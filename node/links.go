package node

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/transport"
	"github.com/ccatobs/cdt/transport/bbcp"
	"github.com/ccatobs/cdt/transport/local"
	"github.com/ccatobs/cdt/transport/rsync"
	"github.com/ccatobs/cdt/transport/ssh"
)

// Host is how the driver of a link reaches the host at its other end.
func Host(l *graph.Link) ssh.Host {
	f := l.Far
	return ssh.Host{Name: f.Host, Port: f.Port, User: f.User, Key: f.Key, KnownHosts: f.KnownHosts, Program: f.SSH}
}

// NewAgent is the agent at the other end of a link that needs a host there.
func NewAgent(l *graph.Link) *remote.Agent {
	return remote.NewAgent(remote.Options{Link: l.Name(), Host: Host(l), Program: l.Far.Agent})
}

// far is a disk at a site that this process reaches over a link it drives; nil
// if it is here, or no such link leads there. mu is held.
func (p *Places) far(l *graph.Location, marker opsdb.ID) storage.Storage {
	if len(p.Sites) == 0 || l.Storage != opsdb.Disk || slices.Contains(p.Sites, l.Site.Name) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.graph.Links)) {
		link := p.graph.Links[name]
		ends := link.From == l.Site || link.To == l.Site
		if link.Far == nil || !ends || !slices.Contains(p.Sites, link.Driver) {
			continue
		}
		d := remote.NewDisk(p.agent(link), remote.Place{Location: l.Name, Root: l.Path, Marker: marker})
		d.Foreign = func() { p.forget(l.Name) } // init-location may have been run there since; nobody here checks that place
		return d
	}
	return nil
}

// Links gives the transports of the links between places.
type Links struct {
	places  *Places
	virtual bool // the clock is a driver's: no rate is kept, which would be waited for in real time
}

var _ transport.Catalog = Links{}

// Transport implements [transport.Catalog]: within a site, local. The rate is the one that holds now.
func (l Links) Transport(from, to string) (transport.Transport, error) {
	a, b := opsdb.SiteOf(from), opsdb.SiteOf(to)
	if a == b {
		return local.New(local.Options{}), nil
	}
	link, ok := l.places.Graph().Links[opsdb.LinkName(a, b)]
	if !ok {
		return nil, stages.Permanent(fmt.Errorf("send from %s to %s: there is no link %s", from, to, opsdb.LinkName(a, b)))
	}
	if l.virtual && link.Transport == "local" {
		return local.New(local.Options{}), nil
	}
	t, err := transportOf(link, l.places.clock.Now(), l.places.shared(link.Name()), l.places.standing(link.Name()))
	if err != nil {
		return nil, stages.Permanent(fmt.Errorf("send from %s to %s: %w", from, to, err))
	}
	return t, nil
}

// shared gives the socket of the connection to the host at a link's other end, as it is when it is asked for.
func (p *Places) shared(link string) func() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.agents[link]; a != nil {
		return a.Shared
	}
	return nil
}

// standing keeps the standing calls of a link, as long as this process is the driver of links.
func (p *Places) standing(link string) *bbcp.Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lasting[link] == nil {
		p.lasting[link] = &bbcp.Standing{}
	}
	return p.lasting[link]
}

// Transport is the transport of a link, as fast as it may be at a time.
func Transport(l *graph.Link, now time.Time) (transport.Transport, error) {
	return transportOf(l, now, nil, nil)
}

// transportOf is the transport of a link whose calls for other ends may go through a connection that is there, or be standing ones.
func transportOf(l *graph.Link, now time.Time, shared func() string, standing *bbcp.Standing) (transport.Transport, error) {
	const octet = 8 // the graph counts bits, transports bytes
	switch l.Transport {
	case "local":
		return local.New(local.Options{Rate: rate(l, now)}), nil
	case "rsync":
		if l.RTT > shortWay {
			shared = nil
		}
		return rsync.New(rsync.Options{
			Link: l.Name(), Host: Host(l), Shared: shared, Program: l.Far.Program, RemoteProgram: l.Far.Remote, Agent: l.Far.Agent, Rate: rate(l, now) / octet,
		})
	case "bbcp":
		return bbcp.New(bbcp.Options{
			Link: l.Name(), Host: Host(l), Shared: shared, Standing: standing, Program: l.Far.Program, RemoteProgram: l.Far.Remote, Agent: l.Far.Agent, Rate: rate(l, now) / octet,
			Bandwidth: l.Bandwidth / octet, AtOnce: l.AtOnce, RTT: l.RTT, Streams: l.Far.Streams, Window: l.Far.Window, Buffer: l.Far.Buffer,
			Reverse: l.Far.Reverse, SourceHost: l.Far.SourceHost, Ports: l.Far.Ports,
		})
	}
	return nil, fmt.Errorf("this version has no transport %q", l.Transport)
}

// shortWay is the longest round trip over which rsync goes through the agent's connection, which spares it a login.
const shortWay = 5 * time.Millisecond

// rate is what one send may use of a link, in bit/s: the lowest rate that holds,
// shared by as many sends as there may be at once. 0: no limit.
func rate(l *graph.Link, now time.Time) int64 {
	var lowest int64
	if l.Far != nil {
		lowest = l.Far.Rate
	}
	for _, limit := range l.Limits {
		if limit.Window.Open(now) && (lowest == 0 || limit.Rate < lowest) {
			lowest = limit.Rate
		}
	}
	if lowest == 0 {
		return 0
	}
	return max(lowest/int64(l.AtOnce), 1)
}
