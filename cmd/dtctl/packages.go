package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// packageJSON is a package as -o json shows it.
type packageJSON struct {
	ID          opsdb.ID     `json:"id"`
	Name        string       `json:"name"`
	Route       string       `json:"route"`
	Number      int64        `json:"number"`
	Source      string       `json:"source"`
	Files       int          `json:"files"`
	Bytes       int64        `json:"bytes"`
	Size        int64        `json:"size"`
	Digest      opsdb.Digest `json:"digest,omitempty"`
	Instrument  string       `json:"instrument"`
	Observation string       `json:"observation"`
	Module      string       `json:"module"`
	MadeAt      time.Time    `json:"made_at"`
	Quarantined string       `json:"quarantined,omitempty"`
	Resends     []string     `json:"resends,omitempty"` // sites for which it may leave again, by order
	Copies      []copyJSON   `json:"copies"`
	Moves       []moveJSON   `json:"moves"`
}

// copyJSON is a copy as -o json shows it.
type copyJSON struct {
	Location   string          `json:"location"`
	Form       opsdb.Form      `json:"form"`
	Path       string          `json:"path,omitempty"`
	State      opsdb.CopyState `json:"state"`
	Size       int64           `json:"size"`
	VerifiedAt *time.Time      `json:"verified_at,omitempty"`
	Reason     string          `json:"reason,omitempty"`
}

// moveJSON is an open move as -o json shows it.
type moveJSON struct {
	Stage   string    `json:"stage"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Verdict string    `json:"verdict"`
	Reason  string    `json:"reason"`
	Text    string    `json:"text,omitempty"`
	Since   time.Time `json:"since"`
}

func packageOf(f opsdb.Facts) packageJSON {
	p := f.Package
	v := packageJSON{
		ID: p.ID, Name: p.Name, Route: p.Route, Number: p.Number, Source: p.Source, Files: p.Files, Bytes: p.Bytes, Size: p.Size,
		Digest: p.Digest, Instrument: p.Instrument, Observation: p.Observation, Module: p.Module, MadeAt: p.MadeAt,
		Quarantined: p.Quarantined, Copies: []copyJSON{}, Moves: []moveJSON{},
	}
	for _, c := range f.Copies {
		v.Copies = append(v.Copies, copyJSON{c.Location, c.Form, c.Path, c.State, c.Size, timeOrNil(c.VerifiedAt), c.Reason})
	}
	for _, r := range f.Resends {
		v.Resends = append(v.Resends, r.Site)
	}
	for _, m := range f.Moves {
		v.Moves = append(v.Moves, moveJSON{m.Stage, m.From, m.To, m.Verdict, m.Reason, m.Text, m.Since})
	}
	return v
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *app) packagesCommand() *cobra.Command {
	var q opsdb.Query
	c := &cobra.Command{
		Use: "packages", Short: "List packages and where they are", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(oneOf("--state", q.State, "open", "done", "quarantined"), atLeastOne(q.Limit)); err != nil {
				return err
			}
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				if err := knownPlace(c.Context(), s, q.Location); err != nil {
					return err
				}
				found, err := s.Packages(c.Context(), q)
				if err != nil {
					return fmt.Errorf("list packages: %w", err)
				}
				list := []packageJSON{}
				for _, f := range found {
					list = append(list, packageOf(f))
				}
				return a.say(map[string]any{"version": opsdb.FormatVersion, "packages": list}, func() error { return a.packagesText(list) })
			})
		},
	}
	c.Flags().StringVar(&q.Route, "route", "", "only of this route")
	c.Flags().StringVar(&q.Location, "at", "", "only with a live copy at this location")
	c.Flags().StringVar(&q.State, "state", "", "open, done or quarantined")
	pageFlags(c, &q)
	return c
}

func pageFlags(c *cobra.Command, q *opsdb.Query) {
	c.Flags().IntVar(&q.Limit, "limit", 1000, "at most so many")
	c.Flags().StringVar((*string)(&q.After), "after", "", "only after this id (paging)")
}

func (a *app) packagesText(list []packageJSON) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.out, "no packages")
		return err
	}
	var rows [][]any
	for _, p := range list {
		var at []string
		for _, c := range p.Copies {
			at = append(at, c.Location+" "+string(c.State))
		}
		rows = append(rows, []any{p.Name, p.Files, bytesText(p.Bytes), strings.Join(at, ", "), moveText(p.Moves)})
	}
	a.table([]any{"PACKAGE", "FILES", "BYTES", "COPIES", "NEXT"}, rows)
	return nil
}

// moveText is the most telling open move of a package.
func moveText(moves []moveJSON) string {
	best, rank := "-", -1
	order := map[string]int{"waiting": 0, "ready": 1, "running": 2, "blocked": 3}
	for _, m := range moves {
		if r := order[m.Verdict]; r > rank {
			best, rank = fmt.Sprintf("%s → %s %s: %s", m.Stage, m.To, m.Verdict, m.Reason), r
		}
	}
	return best
}
