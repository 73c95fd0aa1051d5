package route

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// What a file of routes may hold at most. A person's file comes nowhere near.
const (
	maxDepth    = 32
	maxNodes    = 50_000 // keys, values, lists
	maxExpanded = 10_000 // nodes reached through aliases
)

// tree reads the one YAML document of a source. It returns nil if there is
// none, or if it is so wrong that its values should not be looked at.
func (s *source) tree(list *diag.List) *yaml.Node {
	docs, err := documents(s.text, 2)
	switch {
	case err != nil:
		s.syntax(err, list)
		return nil
	case len(docs) == 0:
		return nil
	case len(docs) > 1:
		list.Errorf(s.start(docs[1]), codeDocuments, "one file is one document: put it into a file of its own", "a second document begins here")
	}
	if count(docs[0]) > maxNodes {
		list.Errorf(s.whole(), codeTooLarge, "split it: all files of a folder are one set", "the file has more than %d keys and values", maxNodes)
		return nil
	}
	l := linter{s: s, list: list, sizes: map[*yaml.Node]int{}}
	if !l.walk(docs[0], 0) || !l.aliases(docs[0]) || docs[0].Kind == 0 || len(docs[0].Content) == 0 {
		return nil
	}
	return docs[0].Content[0]
}

// count is the number of nodes, or some number above the most there may be.
func count(n *yaml.Node) int {
	sum := 1
	for _, c := range n.Content {
		if sum += count(c); sum > maxNodes {
			break
		}
	}
	return sum
}

// documents parses the text; of a stream of documents it reads as many as wanted.
func documents(text []byte, most int) (docs []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for len(docs) < most {
		n := new(yaml.Node)
		switch err := dec.Decode(n); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return docs, err
		}
		docs = append(docs, n)
	}
	return docs, nil
}

// start is the place of a node: of a document, of what it holds.
func (s *source) start(n *yaml.Node) diag.Place {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Kind == yaml.ScalarNode {
		return s.textOf(n).At
	}
	return s.at(s.index(n.Line, n.Column))
}
