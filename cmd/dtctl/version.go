package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/opsdb"
)

// programVersion is what `dtctl version` says; a release sets it at link time.
var programVersion = "0.1.0-dev" //nolint:gochecknoglobals // the linker writes it

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which version this is", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version  int    `json:"version"`
				Program  string `json:"program"`
				Revision string `json:"revision,omitempty"`
				Go       string `json:"go"`
				Formats  int    `json:"formats"`
			}{opsdb.FormatVersion, programVersion, sourceRevision(), runtime.Version(), opsdb.FormatVersion}
			return a.say(v, func() error {
				_, err := fmt.Fprintf(a.out, "dtctl %s %s (%s, formats version %d)\n", v.Program, v.Revision, v.Go, v.Formats)
				return err
			})
		},
	}
}

// sourceRevision is the commit the binary was built from, if the build recorded it.
func sourceRevision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
