package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// taskJSON is a task as -o json shows it.
type taskJSON struct {
	ID       opsdb.ID        `json:"id"`
	Stage    string          `json:"stage"`
	Type     string          `json:"type"`
	Package  opsdb.ID        `json:"package"`
	From     string          `json:"from"`
	To       string          `json:"to"`
	State    opsdb.TaskState `json:"state"`
	Piece    opsdb.Piece     `json:"piece"`
	Class    opsdb.Class     `json:"class"`
	Site     string          `json:"site"`
	Worker   string          `json:"worker,omitempty"`
	Phase    string          `json:"phase,omitempty"`
	Done     int64           `json:"done"`
	Total    int64           `json:"total"`
	Attempts int             `json:"attempts"`
	NextTry  *time.Time      `json:"next_try,omitempty"`
	Error    *failureJSON    `json:"error,omitempty"`
	Created  time.Time       `json:"created_at"`
	Ended    *time.Time      `json:"ended_at,omitempty"`
}

// failureJSON is the last failure of a task.
type failureJSON struct {
	Class opsdb.FailureClass `json:"class"`
	Text  string             `json:"text"`
	At    time.Time          `json:"at"`
}

func taskOf(t opsdb.Task) taskJSON {
	v := taskJSON{
		ID: t.ID, Stage: t.Route + "/" + t.Stage, Type: t.Type, Package: t.Package, From: t.From, To: t.To, State: t.State, Piece: t.Piece,
		Class: t.Class, Site: t.Site(), Worker: t.Worker, Phase: t.Phase, Done: t.Done, Total: t.Total, Attempts: t.Attempts,
		NextTry: timeOrNil(t.NextTry), Created: t.CreatedAt, Ended: timeOrNil(t.EndedAt),
	}
	if t.Failure != nil {
		v.Error = &failureJSON{t.Failure.Class, t.Failure.Text, t.Failure.At}
	}
	return v
}

func (a *app) tasksCommand() *cobra.Command {
	var q opsdb.Query
	var of string
	c := &cobra.Command{
		Use: "tasks", Short: "List tasks, their attempts and their errors", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(oneOf("--state", q.State, "open", "pending", "scheduled", "in_progress", "completed", "failed", "withdrawn"), atLeastOne(q.Limit)); err != nil {
				return err
			}
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				if err := knownPlace(c.Context(), s, q.Location); err != nil {
					return err
				}
				if of != "" {
					p, err := findPackage(c.Context(), s, of)
					if err != nil {
						return err
					}
					q.Package = p.ID
				}
				found, err := s.Tasks(c.Context(), q)
				if err != nil {
					return fmt.Errorf("list tasks: %w", err)
				}
				return a.tasksSay(found)
			})
		},
	}
	c.Flags().StringVar(&q.State, "state", "", "open, or pending, scheduled, in_progress, completed, failed or withdrawn")
	c.Flags().StringVar(&of, "package", "", "only of this package")
	c.Flags().StringVar(&q.Location, "at", "", "only with this destination")
	c.Flags().StringVar(&q.Route, "route", "", "only of this route")
	pageFlags(c, &q)
	return c
}

func (a *app) tasksSay(found []opsdb.Task) error {
	list := []taskJSON{}
	for _, t := range found {
		list = append(list, taskOf(t))
	}
	return a.say(map[string]any{"version": opsdb.FormatVersion, "tasks": list}, func() error {
		if len(list) == 0 {
			_, err := fmt.Fprintln(a.out, "no tasks")
			return err
		}
		var rows [][]any
		for _, t := range list {
			text := t.Phase
			if t.Error != nil {
				text = string(t.Error.Class) + ": " + t.Error.Text
			}
			rows = append(rows, []any{t.ID.Short(), t.Stage, t.Package.Short(), t.From, t.To, t.State, t.Attempts, text})
		}
		a.table([]any{"TASK", "STAGE", "PACKAGE", "FROM", "TO", "STATE", "ATTEMPTS", "LAST"}, rows)
		return nil
	})
}
