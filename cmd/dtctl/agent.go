package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/transport/bbcp"
	"github.com/ccatobs/cdt/transport/ssh"
)

func (a *app) agentCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "agent", Short: "Serve the worker at the other end of a link, over ssh", Args: cobra.NoArgs,
		Long: `Speaks with the worker that drives a link to this host, on standard input and output: it looks at disk locations here, reads
and copies parts again, and ends what a broken transfer left running. It is called by that worker over ssh, not by people.

In authorized_keys it can be the only thing a key may do:
  restrict,command="dtctl agent forced --root /data/buffer --program rsync" ssh-ed25519 AAAA… cdt@ccat`,
		Example: "  ssh cdt@data.example.org dtctl agent",
		RunE:    func(c *cobra.Command, _ []string) error { return a.agent(c.Context(), allowed{}) },
	}
	c.AddCommand(a.agentExecCommand(), a.agentKillCommand(), a.agentTakeCommand(), a.agentForcedCommand())
	return c
}

// agent serves until the other end goes.
func (a *app) agent(ctx context.Context, may allowed) error {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	s := remote.Serving{
		Open: func(p remote.Place) (storage.Storage, error) {
			if !may.root(p.Root) {
				return nil, fmt.Errorf("the key in authorized_keys does not open %s: %w", p.Root, storage.ErrDenied)
			}
			return disk.New(p.Location, p.Root, disk.Options{Marker: p.Marker, Clock: clock.System{}, SegmentSize: p.Segment})
		},
		Kill:    ssh.EndAttempt,
		Program: may.version,
		Hello:   remote.Hello{Version: programVersion, Host: host, PID: os.Getpid()},
	}
	return remote.Serve(ctx, a.in, a.out, s)
}

// versionLimit is how long a program may think about its version.
const versionLimit = 10 * time.Second

// version is the first line a program says of its version.
func (may allowed) version(ctx context.Context, program string) (string, error) {
	if !ssh.ProgramWord(program) || !may.program(program) {
		return "", fmt.Errorf("run %q: it is not among the programs of this agent: %w", program, storage.ErrDenied)
	}
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").CombinedOutput() //nolint:gosec // a plain name or path, checked above
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || line == "") {
		return "", fmt.Errorf("run %s: %w", program, err)
	}
	return line, nil
}

func (a *app) agentExecCommand() *cobra.Command {
	return &cobra.Command{
		Use: "exec ATTEMPT[,ATTEMPT...] -- PROGRAM [ARG...]", Short: "Run the remote half of a transport, and end it with its connection", Args: cobra.MinimumNArgs(2),
		Long: `Runs a program for attempts of tasks in a session of its own. When the connection ends, however it does, the program and everything
it started is ended. Its exit code is the program's.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.agentExec(c.Context(), strings.Split(args[0], ","), args[1], args[2:])
		},
	}
}

func (a *app) agentExec(ctx context.Context, attempts []string, program string, args []string) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	code, err := ssh.Exec(ctx, attempts, ssh.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, program, args...)
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		fmt.Fprintf(a.errs, "dtctl agent: %v\n", err)
		return &exitError{exitNoProgram}
	case err != nil:
		return err
	case code != exitGood:
		return &exitError{code}
	}
	return nil
}

// exitNoProgram is what a shell says of a program that is not there.
const exitNoProgram = 127

// exitError ends the process with the exit code of another; all has been said.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

func (a *app) agentKillCommand() *cobra.Command {
	return &cobra.Command{
		Use: "kill ATTEMPT", Short: "End everything that runs here for an attempt", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
			defer cancel()
			return ssh.EndAttempt(ctx, args[0])
		},
	}
}

func (a *app) agentTakeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "take FOLDER", Short: "Write what comes through a standing call of bbcp into the parts of a folder", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			err := bbcp.Take(c.Context(), os.Stdin, args[0])
			if err != nil {
				fmt.Fprintf(a.errs, "%v (agent take)\n", err) // as the other end looks for it
				return &exitError{exitFound}
			}
			return nil
		},
	}
}
