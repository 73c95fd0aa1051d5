package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// retrying is what `dtctl retry` is asked for.
type retrying struct {
	*app
	order
	all bool
	at  string
}

func (a *app) retryCommand() *cobra.Command {
	r := retrying{app: a}
	c := &cobra.Command{
		Use: "retry [PACKAGE|TASK]...", Short: "Let failed work be tried again", Args: cobra.ArbitraryArgs,
		Long: `What is blocked because its attempts failed is tried again, with all its attempts before it; what waits for its next attempt is tried at once.
With --all everything that is blocked so, or what is so at one location (--at): after a program was missing, or a key wrong, that many packages needed.`,
		Example: "  dtctl retry raw/12\n  dtctl retry --all --at cologne.lta --why 'the library is back'",
		RunE: func(c *cobra.Command, args []string) error {
			if r.all == (len(args) > 0) || r.at != "" && !r.all {
				return misuse("name packages or tasks, or say --all, which may be narrowed by --at LOCATION", "what is to be tried again?")
			}
			return a.withStore(c.Context(), func(s opsdb.Store) error { return r.run(c.Context(), s, args) })
		},
	}
	c.Flags().BoolVar(&r.all, "all", false, "all that is blocked because its attempts failed")
	c.Flags().StringVar(&r.at, "at", "", "with --all: only what reads or writes at this location")
	r.order.flags(c)
	return c
}

func (r *retrying) run(ctx context.Context, s opsdb.Store, what []string) error {
	tasks, err := r.tasks(ctx, s, what)
	if err != nil {
		return err
	}
	done := 0
	for _, t := range tasks {
		switch err := s.Retry(ctx, t.ID, person(r.who), r.order.why); {
		case err == nil:
			done++
		case !r.all || !errors.Is(err, opsdb.ErrChanged): // else somebody else has seen to it meanwhile
			return fmt.Errorf("retry task %s: %w", t.ID.Short(), err)
		}
	}
	return r.ordered("retry", tasks[0].ID, fmt.Sprintf("%d task(s) will be tried again", done))
}

// tasks are those that are meant; there is at least one.
func (r *retrying) tasks(ctx context.Context, s opsdb.Store, what []string) (out []opsdb.Task, err error) {
	if r.all {
		if err := knownPlace(ctx, s, r.at); err != nil {
			return nil, err
		}
		return failed(ctx, s, r.at)
	}
	for _, w := range what {
		tasks, err := r.retryable(ctx, s, w)
		if err != nil {
			return nil, err
		}
		out = append(out, tasks...)
	}
	return out, nil
}

// failed are all tasks whose attempts are used up, or that need a person.
func failed(ctx context.Context, s opsdb.Store, at string) (out []opsdb.Task, err error) {
	q := opsdb.Query{State: string(opsdb.TaskFailed), Location: at}
	for {
		page, err := s.Tasks(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list the tasks that failed: %w", err)
		}
		if len(page) == 0 {
			break
		}
		out = append(out, page...)
		q.After = page[len(page)-1].ID
	}
	if len(out) == 0 {
		return nil, hint(errors.New("no task has failed"), "`dtctl status` shows what is blocked, `dtctl why PACKAGE` by what")
	}
	return out, nil
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
