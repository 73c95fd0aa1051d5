package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/node"
)

// settle gives every flag of a command that was not set by hand its value
// from the environment, or else from the file of settings.
func (a *app) settle(c *cobra.Command) error {
	fromFile, err := a.settingsFile()
	if err != nil {
		return err
	}
	fromEnv, err := config.Environment(os.Environ(), os.ReadFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return &useError{err, "the file must be there, and the user of this process must be able to read it"}
	}
	if err != nil {
		return &useError{err, "`dtctl work --help` lists the settings"}
	}
	for _, s := range config.Merge(fromFile, fromEnv) {
		f := c.Flags().Lookup(s.Key.Flag())
		if f == nil || f.Changed {
			continue // of another verb, or set by hand
		}
		if err := set(f, s.Text.Reveal()); err != nil {
			return misuse("see "+c.CommandPath()+" --help", "%s: this is no value for %s", s.From, s.Key.Name)
		}
	}
	return nil
}

// set sets a flag without making it look as if a person had done it.
func set(f *pflag.Flag, text string) error {
	if err := f.Value.Set(text); err != nil {
		return fmt.Errorf("set %s: %w", f.Name, err)
	}
	return nil
}

// credentials are where this process finds the keys that routes name.
func (a *app) credentials() node.Credentials { return node.Credentials{Path: a.keys} }

// settingsFile reads the file named by --config or CDT_CONFIG.
func (a *app) settingsFile() ([]config.Setting, error) {
	path := a.config
	if path == "" {
		path = os.Getenv("CDT_CONFIG")
	}
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file a person named
	if err != nil {
		return nil, misuse("give --config or CDT_CONFIG a file of settings", "read the settings: %w", err)
	}
	got, err := config.Read(path, text)
	if err != nil {
		return nil, &useError{err, "docs/reference/settings.md lists the settings"}
	}
	return got, nil
}

// settingsPage is the reference of settings.
func settingsPage() string {
	var b strings.Builder
	b.WriteString("# Settings of a process\n\nGenerated from the code (`make generate`). What moves where is in the routes; these are the settings of one process.\n\n" +
		"A flag outranks the environment, the environment outranks the file (`--config`, `CDT_CONFIG`), the file outranks the default. The file is one YAML mapping;\n" +
		"an unknown key is an error. A variable with `_FILE` after its name names a file that holds the value (`CDT_DB_FILE=/run/secrets/cdt_db`): for secrets. It may be shared by all verbs: each takes what it knows. Lists and mappings are written as YAML (`site: [cologne]`,\n" +
		"`at_once: {package: 2, transfer: 4}`) or as after a flag (`at_once: package=2,transfer=4`). The password of `db` may also come from `PGPASSWORD` or `~/.pgpass`.\n\n" +
		"| In the file | Environment | Flag | Meaning |\n|---|---|---|---|\n")
	for _, k := range config.Keys() {
		fmt.Fprintf(&b, "| `%s` | `%s` | `--%s` | %s |\n", k.Name, k.Env(), k.Flag(), strings.ReplaceAll(k.Help, "|", "\\|"))
	}
	return b.String()
}
