package route

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// linter looks for what YAML allows and the language does not.
type linter struct {
	s     *source
	list  *diag.List
	sizes map[*yaml.Node]int
}

// walk reports the problems below n; false means that n is not to be used at all.
func (l *linter) walk(n *yaml.Node, depth int) bool {
	if depth > maxDepth {
		l.list.Errorf(l.s.start(n), codeTooDeep, "write it flatter", "values are nested more than %d deep", maxDepth)
		return false
	}
	l.tag(n)
	if n.Kind == yaml.MappingNode {
		l.keys(n)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			continue // a key
		}
		if !l.walk(c, depth+1) {
			return false
		}
	}
	return true
}

// tag refuses what begins with an exclamation mark outside quotes.
func (l *linter) tag(n *yaml.Node) {
	if n.Kind == yaml.DocumentNode || n.Kind == yaml.AliasNode {
		return
	}
	p := l.s.skipProperties(l.s.index(n.Line, n.Column))
	if l.s.rune(p) != '!' {
		return
	}
	end := p
	for c := l.s.rune(end); c != '\n' && c != 0; c = l.s.rune(end) {
		end++
	}
	raw := strings.TrimSpace(string(l.s.runes[p:end]))
	if raw, _, _ = strings.Cut(raw, " #"); n.Kind == yaml.ScalarNode && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 {
		raw = strings.TrimRight(raw, ",}] ")
	}
	hint := "put the value in quotes: '" + raw + "'"
	if n.Kind != yaml.ScalarNode {
		hint = "leave the tag away"
	}
	l.list.Errorf(l.s.at(p), codeTag, hint, "in YAML a ! begins a tag, not a value")
}

// keys checks that the keys of a mapping are words, each there once.
func (l *linter) keys(n *yaml.Node) {
	seen := map[string]diag.Place{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		at := l.s.start(k)
		first, twice := seen[k.Value]
		switch {
		case k.Kind == yaml.ScalarNode && k.Tag == "!!merge":
			l.list.Errorf(at, codeMerge, "write the keys out, or name the whole value with an alias", "a merge key (<<) is not part of the language")
		case k.Kind != yaml.ScalarNode:
			l.list.Errorf(at, codeOddKey, "put expressions with { } in quotes", "a key is a word")
		case strings.Contains(k.Value, "${"):
			l.list.Errorf(at, codeOddKey, "${VAR} is replaced in values only", "a key is a word, not a variable")
		case k.Tag != "!!str":
			l.list.Errorf(at, codeOddKey, "put it in quotes, if it is meant", "a key is a word, and %s is not", display(k.Value))
		case twice:
			l.list.Errorf(at, codeTwiceKey, fmt.Sprintf("the first is at %s", first), "%s stands here twice", k.Value)
		default:
			seen[k.Value] = at
		}
	}
}

// aliases refuses documents whose aliases expand to much more than is written.
func (l *linter) aliases(doc *yaml.Node) bool {
	expanded := 0
	var visit func(n *yaml.Node) bool
	visit = func(n *yaml.Node) bool {
		if n.Kind == yaml.AliasNode {
			size, depth := l.size(n.Alias, map[*yaml.Node]bool{})
			if expanded = min(expanded+size, maxExpanded+1); expanded > maxExpanded || depth > maxDepth {
				l.list.Errorf(l.s.at(l.s.index(n.Line, n.Column)), codeAliases, "write it out", "*%s expands to too much, or contains itself", n.Value)
				return false
			}
		}
		for _, c := range n.Content {
			if !visit(c) {
				return false
			}
		}
		return true
	}
	return visit(doc)
}

// size is the number of nodes below n and their depth with aliases followed, each cut off above its maximum.
func (l *linter) size(n *yaml.Node, above map[*yaml.Node]bool) (size, depth int) {
	if above[n] {
		return maxExpanded + 1, maxDepth + 1
	}
	if s, ok := l.sizes[n]; ok {
		return s & (1<<20 - 1), s >> 20
	}
	above[n] = true
	defer delete(above, n)
	size = 1
	children := n.Content
	if n.Kind == yaml.AliasNode {
		children = []*yaml.Node{n.Alias}
	}
	for _, c := range children {
		s, d := l.size(c, above)
		size, depth = min(size+s, maxExpanded+1), max(depth, d+1)
	}
	depth = min(depth, maxDepth+1)
	l.sizes[n] = size | depth<<20
	return size, depth
}

// display shortens a value for a message.
func display(v string) string {
	const most = 40
	if r := []rune(v); len(r) > most {
		return fmt.Sprintf("%q…", string(r[:most]))
	}
	return fmt.Sprintf("%q", v)
}
