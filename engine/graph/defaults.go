package graph

import (
	"math"
	"slices"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
)

// buffers gives buffers the defaults that depend on the size of packages.
func (c *compiler) buffers() {
	written := c.writtenLocations()
	for _, s := range c.g.Sites {
		for _, l := range s.Locations {
			if in := written[l.Name]; in != nil && l.Type == opsdb.Buffer {
				c.buffer(l, in, min(c.largest(l), math.MaxInt64/4))
			}
		}
	}
}

func (c *compiler) buffer(l *Location, in *route.Location, most int64) {
	if !in.Reserve.Set {
		l.Reserve = 2 * most
		if c.onlyPacked(l) {
			l.Reserve = 0 // nobody comes there who has left a source
		}
		if l.Capacity > 0 {
			l.Reserve = min(l.Reserve, l.Capacity/2) // a small buffer keeps half for what has not left yet
		}
	}
	if !in.Ahead.Set {
		l.Ahead = 4 * most
	}
	if !in.Backfill.Set && l.Backfill == 0 {
		l.Backfill = 30
	}
	switch {
	case l.Capacity > 0 && l.Capacity < most:
		c.list.Warnf(in.Capacity.At, diag.TooMuch, "give it room for two packages at least, or lower max_size", "%s is smaller than one package of max_size", l.Name)
	case l.Capacity > 0 && l.Capacity-l.Reserve < most:
		c.list.Warnf(in.Capacity.At, diag.TooMuch, "give it room for two packages at least", "%s has no room for a package of max_size beside its reserve", l.Name)
	}
}

// onlyPacked reports whether nothing but package stages write at a place.
func (c *compiler) onlyPacked(l *Location) bool {
	for _, r := range c.g.Routes {
		for _, s := range r.Stages {
			for _, m := range s.Moves {
				if m.To == l && m.From.Type != opsdb.Source {
					return false
				}
			}
		}
	}
	return true
}

// largest is the largest max_size of the routes that use the location.
func (c *compiler) largest(l *Location) int64 {
	var out int64
	for _, r := range c.g.Routes {
		if !r.touches(l) {
			continue
		}
		for _, s := range r.Stages {
			out = max(out, s.MaxSize)
		}
	}
	return out
}

func (c *compiler) writtenLocations() map[string]*route.Location {
	out := map[string]*route.Location{}
	for _, s := range c.in.Sites {
		for _, l := range s.Locations {
			if name := s.Name + "." + l.Name; out[name] == nil {
				out[name] = l
			}
		}
	}
	return out
}

// drivers marks the moves that this version has no driver for, and says so once for each link and location.
func (c *compiler) drivers() {
	for _, r := range c.g.Routes {
		for _, s := range r.Stages {
			for _, m := range s.Moves {
				m.NoDriver = c.missing(m)
			}
		}
	}
	for _, in := range c.in.Links {
		if v := in.Transport; v.V != "" && !known(c.o.Transports, v.V) {
			c.list.Notef(v.At, diag.NoDriver, "its moves are blocked: no_driver", "the transport %s is not carried out by this version", v.V)
		}
	}
	for _, s := range c.in.Sites {
		for _, l := range s.Locations {
			if v := l.Storage; v.V != "" && !known(c.o.Storages, v.V) {
				c.list.Notef(v.At, diag.NoDriver, "its moves are blocked: no_driver", "the storage %s is not carried out by this version", v.V)
			}
		}
	}
}

// missing is the word this version has no driver for, or "".
func (c *compiler) missing(m *Move) string {
	if m.Link != nil && !known(c.o.Transports, m.Link.Transport) {
		return m.Link.Transport
	}
	for _, l := range []*Location{m.From, m.To} {
		if !known(c.o.Storages, string(l.Storage)) {
			return string(l.Storage)
		}
	}
	return ""
}

func known(words []string, word string) bool { return words == nil || slices.Contains(words, word) }
