package route

import (
	"fmt"
	"regexp"

	"gopkg.in/yaml.v3"
)

// name checks what a person may call a site, location, set, route or stage: the
// names become parts of folders, queues and names of packages.
func (d *decoder) name(key Value[string], in string) bool {
	const longest = 40
	if regexp.MustCompile(`^[a-z][a-z0-9_-]*$`).MatchString(key.V) && len(key.V) <= longest {
		return true
	}
	d.list.Errorf(key.At, codeOddName, fmt.Sprintf("a small letter, then small letters, digits, _ and -; at most %d", longest),
		"%s is no name for a %s", display(key.V), singular(in))
	return false
}

// words decodes a word or a list of words.
func (d *decoder) words(n *yaml.Node, f Field) List {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	out := List{At: d.src.start(n), Set: true}
	if n.Kind == yaml.MappingNode {
		d.shape(n, f.Name, "a word or a list of words")
		return out
	}
	for _, item := range items {
		item = follow(item)
		t, expanded, ok := d.scalar(item, f.Name)
		if ok && d.isText(t, item, expanded, f.Name) && (len(f.Options) == 0 || d.choice(f, t) != nil) {
			out.V = append(out.V, t.Value())
		}
	}
	return out
}

// scalar returns the text of a single value, with variables replaced.
func (d *decoder) scalar(n *yaml.Node, what string) (t Text, expanded, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.shape(n, what, "a single value")
		return Text{}, false, false
	}
	if n.Style&yaml.TaggedStyle != 0 { // the linter has complained
		return Text{}, false, false
	}
	return d.expand(d.src.textOf(n))
}
