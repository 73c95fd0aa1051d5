package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// checkArgs makes a wrong number of arguments, or a verb that does not exist,
// a wrong use (exit 2) of a command and of those below it.
func checkArgs(c *cobra.Command) {
	if !c.Runnable() && c.HasSubCommands() {
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	args := c.Args
	if args == nil {
		args = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, given []string) error {
		if args(c, given) == nil {
			return nil
		}
		return wrongArgs(c, given)
	}
	for _, below := range c.Commands() {
		checkArgs(below)
	}
}

// wrongArgs says in our words what is wrong with the arguments of a command.
func wrongArgs(c *cobra.Command, given []string) error {
	switch {
	case c.HasSubCommands():
		text := "see `" + c.CommandPath() + " --help`"
		if near := c.SuggestionsFor(given[0]); len(near) > 0 {
			text = "did you mean `" + c.CommandPath() + " " + strings.Join(near, "` or `") + "`?"
		}
		return misuse(text, "%s has no verb %q", c.CommandPath(), given[0])
	case len(given) == 0:
		return misuse("usage: "+c.UseLine(), "%s: something is missing after it", c.CommandPath())
	}
	return misuse("usage: "+c.UseLine(), "%s: these are not the arguments it takes: %s", c.CommandPath(), quoted(given))
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, " ")
}

// wantsJSON looks for -o json without reading the other flags, which may be wrong.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch a {
		case "--":
			return false
		case "-ojson", "-o=json", "--output=json":
			return true
		case "-o", "--output":
			if i+1 < len(args) && args[i+1] == outputJSON {
				return true
			}
		}
	}
	return false
}

// helpCommand is `dtctl help`, which says so if there is no such verb.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "Say what a verb does and takes", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return misuse("see `dtctl --help`", "there is no verb %q", strings.Join(args, " "))
			}
			return found.Help()
		},
	}
}

// oneOf refuses a value that is none of the known ones; "" is none and fine.
func oneOf(flag, value string, known ...string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return misuse("choose one of "+strings.Join(known, ", "), "%s %q is unknown", flag, value)
}

// atLeastOne refuses a limit that would list nothing.
func atLeastOne(limit int) error {
	if limit < 1 {
		return &useError{errors.New("--limit must be at least 1"), "leave it out for 1000"}
	}
	return nil
}
