package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

func (a *app) retryCommand() *cobra.Command {
	var o order
	c := &cobra.Command{
		Use: "retry PACKAGE|TASK", Short: "Let failed work be tried again", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withStore(c.Context(), func(s opsdb.Store) error { return a.retry(c.Context(), s, args[0], o) })
		},
	}
	o.flags(c)
	return c
}

func (a *app) retry(ctx context.Context, s opsdb.Store, what string, o order) error {
	tasks, err := a.retryable(ctx, s, what)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if err := s.Retry(ctx, t.ID, person(o.who), o.why); err != nil {
			return fmt.Errorf("retry task %s: %w", t.ID.Short(), err)
		}
	}
	return a.ordered("retry", tasks[0].ID, fmt.Sprintf("%d task(s) will be tried again", len(tasks)))
}

// retryable are the failed or pending tasks meant by a task's id or a package.
func (a *app) retryable(ctx context.Context, s opsdb.Store, what string) ([]opsdb.Task, error) {
	if t, err := s.Task(ctx, opsdb.ID(what)); err == nil {
		return []opsdb.Task{t}, nil
	}
	p, err := findPackage(ctx, s, what)
	if err != nil {
		return nil, err
	}
	facts, err := s.Facts(ctx, []opsdb.ID{p.ID})
	if err != nil {
		return nil, err
	}
	var out []opsdb.Task
	for _, t := range facts[0].Tasks {
		if t.State == opsdb.TaskFailed || t.State == opsdb.TaskPending {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return nil, hint(fmt.Errorf("%s has no task that failed or is waiting to be tried again", p.Name), "`dtctl why %s` shows what stops it", p.Name)
	}
	return out, nil
}
