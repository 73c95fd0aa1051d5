// Command dtctl is CDT's one binary: it checks routes, runs the engine and the
// workers, answers why something does not move, and takes people's orders.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/ccatobs/cdt/effect"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitGood  = 0
	exitFound = 1 // problems were found, or what was asked for could not be done
	exitUse   = 2 // wrong use
)

// run is main with its surroundings handed in; it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	points, err := effect.FromEnvironment()
	if err != nil {
		fmt.Fprintf(errs, "dtctl: read %s and %s: %v\n", effect.Kill, effect.Log, err)
		return exitUse
	}
	a := &app{in: in, out: out, errs: errs}
	root := a.root()
	a.completions(root)
	if wantsJSON(args) {
		a.output = outputJSON // holds for errors in the other flags too
	}
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	return a.exit(root.ExecuteContext(effect.With(ctx, points)))
}

// exit prints err, if there is anything to print, and returns its exit code.
func (a *app) exit(err error) int {
	var use *useError
	var other *exitError
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &other):
		return other.code
	case errors.Is(err, errFound):
		return exitFound // what was found has been printed
	case errors.Is(err, context.Canceled):
		a.complain(errors.New("stopped before the end"), "", nil)
		return exitFound
	case errors.As(err, &use):
		a.complain(use.err, use.hint, nil)
		return exitUse
	}
	a.complain(err, hintOf(err), detailsOf(err))
	return exitFound
}
