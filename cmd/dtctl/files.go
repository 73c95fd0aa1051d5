package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// fileJSON is a file as -o json shows it. Raw are its true bytes (base64) if Path is not.
type fileJSON struct {
	ID          opsdb.ID        `json:"id"`
	Location    string          `json:"location"`
	Path        string          `json:"path"`
	Raw         string          `json:"raw,omitempty"`
	Size        int64           `json:"size"`
	ModTime     time.Time       `json:"mod_time"`
	Observation string          `json:"observation"`
	Instrument  string          `json:"instrument"`
	Module      string          `json:"module"`
	State       opsdb.CopyState `json:"state"`
}

// skipJSON is something found that cannot be taken.
type skipJSON struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func fileOf(f opsdb.File) fileJSON {
	return fileJSON{f.ID, f.Location, opsdb.ShowPath(f.Path), rawPath(f.Path), f.Size, f.ModTime, f.Observation, f.Instrument, f.Module, f.State}
}

// rawPath is the path in base64 if what is shown of it is not its true bytes.
func rawPath(path string) string {
	if utf8.ValidString(path) && opsdb.ShowPath(path) == path {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(path))
}

func (a *app) filesCommand() *cobra.Command {
	var q opsdb.Query
	c := &cobra.Command{
		Use: "files", Short: "List source files, and what was found beside them and cannot be taken", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(oneOf("--state", q.State, "unrouted", "present", "deletion_in_progress", "deleted", "lost", "quarantined"), atLeastOne(q.Limit)); err != nil {
				return err
			}
			return a.withStore(c.Context(), func(s opsdb.Store) error {
				if err := knownPlace(c.Context(), s, q.Location); err != nil {
					return err
				}
				found, err := s.Files(c.Context(), q)
				if err != nil {
					return fmt.Errorf("list files: %w", err)
				}
				skips, err := s.Skips(c.Context(), q.Location)
				if err != nil {
					return fmt.Errorf("list what was skipped: %w", err)
				}
				return a.filesSay(found, skips)
			})
		},
	}
	c.Flags().StringVar(&q.Location, "at", "", "only at this source location")
	c.Flags().StringVar(&q.State, "state", "", "present, deletion_in_progress, deleted, lost, quarantined, or unrouted")
	pageFlags(c, &q)
	return c
}

func (a *app) filesSay(found []opsdb.File, skips []opsdb.Skip) error {
	files, skipped := []fileJSON{}, []skipJSON{}
	for _, f := range found {
		files = append(files, fileOf(f))
	}
	for _, s := range skips {
		skipped = append(skipped, skipJSON{s.Location + ":" + opsdb.ShowPath(s.Path), s.Reason})
	}
	return a.say(map[string]any{"version": opsdb.FormatVersion, "files": files, "skipped": skipped}, func() error {
		var rows [][]any
		for _, f := range files {
			rows = append(rows, []any{f.Location + ":" + f.Path, bytesText(f.Size), f.Observation, f.Module, f.State})
		}
		for _, s := range skipped {
			rows = append(rows, []any{s.Path, "-", "-", "-", "skipped: " + s.Reason})
		}
		if len(rows) == 0 {
			_, err := fmt.Fprintln(a.out, "no files")
			return err
		}
		a.table([]any{"FILE", "SIZE", "OBSERVATION", "MODULE", "STATE"}, rows)
		return nil
	})
}
