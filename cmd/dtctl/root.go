package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// app is what the verbs share: streams and the settings of every call.
type app struct {
	in        io.Reader
	out, errs io.Writer

	output string // text or json
	db     string
	routes string
	config string // file of settings
	keys   string // file or folder of credentials
}

// root is the command tree: the plain list of all verbs.
func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:           "dtctl",
		Short:         "Move an observatory's data to its archives, prove it, and say why",
		Long:          "dtctl checks routes, runs CDT's engine and workers, and answers questions about every file and package.\n\nExit codes: 0 good, 1 problems found, 2 wrong use.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := a.settle(c); err != nil {
				return err
			}
			if a.output != outputText && a.output != outputJSON {
				return misuse("choose -o text or -o json", "unknown output %q", a.output)
			}
			return database(a.db)
		},
	}
	c.SuggestionsMinimumDistance = 2
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &useError{err, "see " + c.CommandPath() + " --help"}
	})
	flags := c.PersistentFlags()
	flags.StringVarP(&a.output, "output", "o", outputText, "text for people or json for programs")
	flags.StringVar(&a.db, "db", "cdt.db", "operations database: a file (SQLite) or postgres://…; environment CDT_DB")
	flags.StringVar(&a.routes, "routes", "", "a route file or a folder of them; environment CDT_ROUTES (default: the CCAT route)")

	flags.StringVar(&a.keys, "credentials", "", "a file or folder of credentials that routes name; environment CDT_CREDENTIALS")
	flags.StringVar(&a.config, "config", "", "a file of settings (YAML); environment CDT_CONFIG")

	c.AddGroup(&cobra.Group{ID: "routes", Title: "Routes:"}, &cobra.Group{ID: "run", Title: "Running:"},
		&cobra.Group{ID: "look", Title: "Looking:"}, &cobra.Group{ID: "order", Title: "Orders of people:"})
	add := func(group string, cmds ...*cobra.Command) {
		for _, cmd := range cmds {
			cmd.GroupID = group
			c.AddCommand(cmd)
		}
	}
	add("routes", a.validateCommand(), a.graphCommand(), a.schemaCommand())
	add("run", a.demoCommand(), a.serveCommand(), a.workCommand(), a.migrateCommand(), a.initLocationCommand(), a.agentCommand())
	add("look", a.statusCommand(), a.healthCommand(), a.doctorCommand(), a.whyCommand(), a.packagesCommand(), a.filesCommand(), a.tasksCommand(), a.auditCommand())
	add("order", a.requestCommand(), a.releaseCommand(), a.holdCommand(), a.unholdCommand(), a.liftCommand(), a.pauseCommand(), a.resumeCommand(), a.retryCommand(), a.resendCommand(), a.verifyCommand(), a.confirmTimeCommand(), a.inventoryCommand(), a.restoredCommand())
	c.AddCommand(a.referenceCommand())
	c.AddCommand(a.versionCommand())
	c.SetHelpCommand(helpCommand())
	c.InitDefaultCompletionCmd()
	checkArgs(c)
	return c
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// person is who gives an order: the user's login name.
func person(given string) string {
	if given != "" {
		return given
	}
	return envOr("CDT_USER", envOr("USER", envOr("LOGNAME", "unknown")))
}

// interrupted reports whether err only says that somebody stopped us.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}
