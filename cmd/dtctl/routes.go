package main

import (
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/routes"
)

// readRoutes reads the texts named by --routes, or the CCAT route.
func (a *app) readRoutes() (map[string][]byte, *diag.List) {
	if a.routes != "" {
		return route.Read(a.routes)
	}
	list := &diag.List{}
	files, err := route.ReadFS(routes.Files)
	if err != nil {
		list.Errorf(diag.Place{File: "routes"}, "CDT0101", "", "the embedded routes cannot be read: %v", err)
	}
	return files, list
}

// checkRoutes reads and compiles the routes and collects all problems.
func (a *app) checkRoutes() (map[string][]byte, *graph.Graph, *diag.List) {
	files, list := a.readRoutes()
	g, more := node.Compile(files)
	if len(files) == 0 && list.Failed() {
		return files, nil, list
	}
	for _, p := range more.Problems() {
		list.Add(p)
	}
	return files, g, list
}

// checkedRoutes returns the texts, or prints all problems and fails.
func (a *app) checkedRoutes() (map[string][]byte, error) {
	files, _, list := a.checkRoutes()
	return files, a.refuse(list)
}

// compiledRoutes returns texts and graph, or prints all problems and fails.
func (a *app) compiledRoutes() (map[string][]byte, *graph.Graph, error) {
	files, g, list := a.checkRoutes()
	return files, g, a.refuse(list)
}

// refuse prints all problems if one of them is an error.
func (a *app) refuse(list *diag.List) error {
	if !list.Failed() {
		return nil
	}
	if a.output == outputJSON {
		return errors.Join(a.say(problemsOf(list), nil), errFound)
	}
	for _, p := range list.Problems() {
		if p.Severity != diag.Note {
			fmt.Fprintln(a.errs, p)
		}
	}
	return errFound
}
