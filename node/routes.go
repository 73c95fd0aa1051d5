package node

import (
	"encoding/json"
	"fmt"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/graph"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages/builtin"
)

// Compile parses and compiles the texts of routes with the stage types and
// drivers of this version. The graph may be used only if the list has not failed.
func Compile(files map[string][]byte) (*graph.Graph, *diag.List) {
	specs := builtin.Specs()
	set, list := route.Parse(files, route.Options{StageTypes: graph.StageTypes(specs)})
	g, more := graph.Compile(set, specs, graph.Options{Transports: Transports(), Storages: Storages()})
	for _, p := range more.Problems() {
		list.Add(p)
	}
	return g, list
}

// Revision makes a revision of compiled routes and their texts.
func Revision(g *graph.Graph, files map[string][]byte, who, why string) opsdb.Revision {
	texts := map[string]string{}
	for name, text := range files {
		texts[name] = string(text)
	}
	text, _ := json.Marshal(texts) //nolint:errchkjson // strings always can
	return opsdb.Revision{Digest: g.Digest, Text: string(text), Who: who, Why: why}
}

// Graph compiles the routes of a stored revision.
func Graph(r opsdb.Revision) (*graph.Graph, error) {
	var texts map[string]string
	if err := json.Unmarshal([]byte(r.Text), &texts); err != nil {
		return nil, fmt.Errorf("read revision %d of the routes: %w", r.Number, err)
	}
	files := map[string][]byte{}
	for name, text := range texts {
		files[name] = []byte(text)
	}
	g, list := Compile(files)
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("compile revision %d of the routes: %w", r.Number, err)
	}
	return g, nil
}
