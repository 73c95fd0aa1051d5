package node

import (
	"context"
	"fmt"
	"iter"

	"github.com/ccatobs/cdt/filing"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// watchers makes a watcher for every source location of the node's sites.
func (n *Node) watchers() error {
	n.Watchers = nil
	g := n.Places.Graph()
	for _, name := range n.locations() {
		l := g.Locations[name]
		if l.Type != opsdb.Source {
			continue
		}
		w, err := filing.NewWatcher(filing.Config{
			Location: name, Layout: l.Layout, Final: filing.Final{By: filing.By(l.Final.By), After: l.Final.After}, Ignore: l.Ignore,
			Interval: n.cfg.Scan, Root: l.Path, Clock: n.cfg.Clock, Log: n.cfg.Log,
		}, n.cfg.Store, source{n.Places, name})
		if err != nil {
			return err
		}
		n.Watchers = append(n.Watchers, w)
	}
	return nil
}

// source is a location as a watcher sees it, opened when it is looked at: it
// may be initialised after the process has started.
type source struct {
	places   *Places
	location string
}

type walker interface {
	storage.Storage
	storage.Tree
}

func (s source) open() (walker, error) {
	st, err := s.places.Storage(s.location)
	if err != nil {
		return nil, err
	}
	w, ok := st.(walker)
	if !ok {
		return nil, fmt.Errorf("watch %s: its storage holds no plain files", s.location)
	}
	return w, nil
}

func (s source) Check(ctx context.Context) (storage.Health, error) {
	w, err := s.open()
	if err != nil {
		return storage.Health{}, err
	}
	return w.Check(ctx)
}

func (s source) Stat(ctx context.Context, path string) (storage.Info, error) {
	w, err := s.open()
	if err != nil {
		return storage.Info{}, err
	}
	return w.Stat(ctx, path)
}

func (s source) Walk(ctx context.Context, dir string) iter.Seq2[storage.Info, error] {
	w, err := s.open()
	if err != nil {
		return func(yield func(storage.Info, error) bool) { yield(storage.Info{}, err) }
	}
	return w.Walk(ctx, dir)
}
