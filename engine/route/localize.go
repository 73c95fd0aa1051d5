package route

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// Localize returns the texts of the same routes on one machine: every location
// is the folder root/site/location on disk, every link has the transport local.
// All else, expressions and ${VAR} too, stays as written. Texts that are no YAML
// are an error; that they are sound routes is for [Parse] to say.
func Localize(files map[string][]byte, root string) (map[string][]byte, error) {
	if strings.Contains(root, "${") {
		return nil, fmt.Errorf("put routes under %s: the name of the folder holds ${", root)
	}
	out := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text, err := localize(name, files[name], root)
		if err != nil {
			return nil, fmt.Errorf("put the routes of %s under %s: %w", name, root, err)
		}
		out[name] = text
	}
	return out, nil
}

func localize(name string, text []byte, root string) ([]byte, error) {
	list := &diag.List{}
	src, ok := newSource(name, text, list)
	if !ok {
		return nil, list.Err()
	}
	top := src.tree(list)
	if list.Failed() {
		return nil, list.Err()
	}
	if top == nil || top.Kind != yaml.MappingNode {
		return text, nil
	}
	top = written(top)
	for site, s := range mapping(child(top, "sites")) {
		for location, l := range mapping(child(s, "locations")) {
			onDisk(l, path.Join(root, site, location))
		}
	}
	if links := child(top, "links"); links != nil {
		for _, l := range links.Content {
			overLocal(l)
		}
	}
	return encode(top)
}

func encode(top *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(top); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write YAML: %w", err)
	}
	return out.Bytes(), nil
}

// written is a copy of a node in which every alias is written out.
func written(n *yaml.Node) *yaml.Node {
	c := *follow(n)
	c.Anchor = ""
	c.Content = nil
	for _, inner := range follow(n).Content {
		c.Content = append(c.Content, written(inner))
	}
	return &c
}

// child is the value of a key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// mapping yields the keys and values of a mapping; of anything else, nothing.
func mapping(n *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// onDisk makes disk the storage of a location, in the place of what it was.
func onDisk(l *yaml.Node, folder string) {
	disk := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{word("path"), quoted(folder)}}
	replace(l, []string{"disk", "s3", "tape"}, "disk", disk)
}

// overLocal makes local the transport of a link; settings of others go.
func overLocal(l *yaml.Node) {
	replace(l, []string{"transport"}, "transport", word("local"))
	replace(l, []string{"rsync", "bbcp", "local"}, "", nil)
}

// replace puts one key where the first of the old ones stood and drops the
// others. Without any, it comes last; without a value, nothing comes.
func replace(n *yaml.Node, old []string, key string, value *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case !slices.Contains(old, k.Value):
			kept = append(kept, k, n.Content[i+1])
		case value != nil:
			kept = append(kept, word(key), value)
			value = nil
		}
	}
	if value != nil {
		kept = append(kept, word(key), value)
	}
	n.Content = kept
}

func word(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func quoted(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
}
