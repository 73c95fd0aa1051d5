package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A verb takes the arguments that its usage names, and none if it names none.
func TestVerbsTakeTheArgumentsTheyName(t *testing.T) {
	t.Parallel()
	root := (&app{}).root()
	checkArgs(root)
	seen := 0
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			look(below)
		}
		if c.HasSubCommands() || c.Hidden {
			return
		}
		usage := regexp.MustCompile(`\[--[^]]+\]|--[a-z]+ [A-Z]+(\[,[A-Z]+\])?`).ReplaceAllString(c.Use, "")
		var given []string
		for _, word := range strings.Fields(usage)[1:] {
			if strings.Trim(word, "[].") != strings.ToLower(word) {
				given = append(given, "x")
			}
		}
		seen += len(given)
		if err := c.Args(c, given); err != nil {
			t.Errorf("dtctl %s, given %d arguments: %v", c.Use, len(given), err)
		}
	}
	look(root)
	if seen < 12 {
		t.Errorf("only %d arguments are named", seen)
	}
}

// A database without routes has nothing to take stock of, and says so.
func TestInventoryWithoutRoutes(t *testing.T) {
	t.Parallel()
	db := "sqlite:" + filepath.Join(t.TempDir(), "cdt.db")
	dtctl(t, exitGood, "migrate", "--db", db)
	if _, errs := dtctl(t, exitUse, "inventory", "ccat.buffer", "--db", db); !strings.Contains(errs, "no routes are in force yet") || !strings.Contains(errs, "dtctl serve --routes") {
		t.Errorf("it says %q", errs)
	}
}
