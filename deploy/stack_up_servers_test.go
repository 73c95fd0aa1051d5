//go:build servers

package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// up starts every service once those it depends on are healthy, and waits until all are.
func (s *stack) up() {
	s.t.Helper()
	s.t.Cleanup(s.down)
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*patience)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for name := range s.services {
		g.Go(func() error { return s.raise(ctx, name) })
	}
	if err := g.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) raise(ctx context.Context, name string) error {
	for on := range s.services[name].DependsOn {
		if s.ready[on] == nil {
			continue
		}
		select {
		case <-s.ready[on]:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c, err := s.start(name)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	s.mu.Lock()
	s.running[name] = c
	s.mu.Unlock()
	if err := s.await(ctx, c); err != nil {
		return err
	}
	close(s.ready[name])
	return nil
}

// await waits until a service is healthy, or, if it only does something, has ended well.
func (s *stack) await(ctx context.Context, c *container) error {
	limit := time.After(patience)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var last error
	for {
		select {
		case <-c.done:
			if oneShot(c.name) && c.err == nil {
				return nil
			}
			return fmt.Errorf("%s ended: %w\n%s", c.name, c.err, c.said())
		case <-limit:
			return fmt.Errorf("%s is not healthy after %s: %w\n%s", c.name, patience, last, c.said())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-look.C:
		}
		if oneShot(c.name) {
			continue
		}
		if last = s.healthy(ctx, c.name); last == nil {
			return nil
		}
	}
}

// healthy asks as the service's health check does.
func (s *stack) healthy(ctx context.Context, name string) error {
	test := s.imageOf(name).healthy
	if test == nil {
		list, ok := s.services[name].Healthcheck["test"].([]any)
		if !ok || len(list) < 2 {
			return nil
		}
		for _, word := range list[1:] {
			test = append(test, fmt.Sprint(word))
		}
		if list[0] == "CMD-SHELL" {
			test = []string{"/bin/sh", "-c", test[0]}
		}
	}
	asked := make([]string, len(test))
	for i := range test {
		asked[i] = s.here(name, s.interpolated(test[i]))
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := s.inside(ctx, name, asked...)
	return err
}

// down stops everything: those that depend on others first.
func (s *stack) down() {
	for _, wave := range [][]string{{"engine", "worker-"}, {""}} {
		var g errgroup.Group
		for name, c := range s.running {
			if slices.ContainsFunc(wave, func(w string) bool { return strings.HasPrefix(name, w) }) {
				g.Go(c.stop)
			}
		}
		if err := g.Wait(); err != nil {
			s.t.Error(err)
		}
	}
	if s.t.Failed() {
		for name, c := range s.running {
			s.t.Logf("--- %s\n%s", name, c.said())
		}
	}
}
