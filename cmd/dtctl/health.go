package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ccatobs/cdt/node"
)

// errNotReady is a process that does not do its work now.
var errNotReady = errors.New("it does not do its work now")

func (a *app) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health [ADDRESS]", Short: "Ask a process that listens whether it does its work", Args: cobra.MaximumNArgs(1),
		Long:    "Asks a process started with --listen for its /readyz, and says what it looked at. It fails if the process does not do its work now: for health checks.",
		Example: "  dtctl health http://127.0.0.1:8080",
		RunE: func(c *cobra.Command, args []string) error {
			return a.health(c.Context(), append(args, "http://127.0.0.1:8080")[0])
		},
	}
}

func (a *app) health(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/readyz", nil)
	if err != nil {
		return misuse("write it as http://host:port", "%s is no address", address)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return hint(fmt.Errorf("ask %s: %w", address, err), "does the process run, and was it started with --listen?")
	}
	defer resp.Body.Close()
	var h node.Health
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&h); err != nil {
		return hint(fmt.Errorf("ask %s: what answers there is no process of CDT", address), "is it the port given to --listen?")
	}
	if err := a.say(h, func() error { return a.healthText(h) }); err != nil {
		return err
	}
	if !h.Ready {
		return errNotReady
	}
	return nil
}

func (a *app) healthText(h node.Health) error {
	for _, c := range h.Checks {
		mark := "good"
		if !c.Good {
			mark = "BAD "
		}
		if _, err := fmt.Fprintf(a.out, "%s  %-9s %s\n", mark, c.Name, c.Text); err != nil {
			return err
		}
	}
	return nil
}
