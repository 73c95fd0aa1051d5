package route

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// decoder turns the nodes of one file into values, by lists of fields.
type decoder struct {
	src  *source
	list *diag.List
	env  func(string) (string, bool)
}

// pairs are the entries of a mapping.
type pair struct {
	key   Value[string]
	value *yaml.Node
}

// object decodes a mapping by its fields. what names it in messages, at is where
// it is blamed for what is missing.
func (d *decoder) object(n *yaml.Node, fields []Field, what string, at diag.Place) Fields {
	out := Fields{At: at, values: map[string]any{}}
	for _, f := range fields {
		d.defaults(&out, f)
	}
	pairs, ok := d.pairs(n, what)
	if !ok {
		return out
	}
	out.Set = true
	for _, p := range pairs {
		out.Keys = append(out.Keys, p.key)
		if f, known := field(fields, p.key.V); known {
			d.field(&out, f, p.value, p.key)
			continue
		}
		d.unknown(p, fields, what)
	}
	for _, f := range fields {
		if f.Required && !out.Has(f.Name) {
			d.list.Errorf(at, codeMissing, example(f), "%s needs %s", what, f.Name)
		}
	}
	return out
}

func field(fields []Field, name string) (Field, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

func example(f Field) string {
	switch {
	case len(f.Options) > 0:
		return f.Name + ": " + strings.Join(f.Options, " or ")
	case f.Example != "":
		return "for example " + f.Name + ": " + f.Example
	}
	return "write " + f.Name + ": and what belongs to it"
}

func (d *decoder) unknown(p pair, fields []Field, what string) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	hint := diag.DidYouMean(p.key.V, names)
	if p.value.Kind == yaml.ScalarNode && p.value.Tag == "!!null" && strings.ContainsAny(p.key.V, `()"'&|=<>`) {
		hint = "inside { } a comma ends a value: put the expression in quotes"
	}
	d.list.Errorf(p.key.At, codeUnknownKey, hint, "%s has no key %s", what, p.key.V)
}

// follow returns what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pairs returns the entries of a mapping. A key that is there twice, or is no
// word, has been complained about and is left out.
func (d *decoder) pairs(n *yaml.Node, what string) ([]pair, bool) {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		d.shape(n, what, "an object with keys")
		return nil, false
	}
	var out []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Tag != "!!str" || strings.Contains(k.Value, "${") || seen[k.Value] {
			continue
		}
		seen[k.Value] = true
		out = append(out, pair{d.src.textOf(k).Value(), n.Content[i+1]})
	}
	return out, true
}

// shape complains that a node is of the wrong kind.
func (d *decoder) shape(n *yaml.Node, what, want string) {
	at := d.src.start(n)
	kinds := map[yaml.Kind]string{yaml.MappingNode: "an object with keys", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		d.list.Errorf(at, codeNoValue, "give it one, or leave the key out", "%s has no value", what)
		return
	}
	d.list.Errorf(at, codeWrongShape, shapeHint(want), "%s is %s, not %s", what, want, kinds[n.Kind])
}

// shapeHint shows how what is wanted is written.
func shapeHint(want string) string {
	switch want {
	case "an object with keys":
		return "write keys below it, as key: value"
	case "a list":
		return "write [a, b], or one line with - for each"
	case "a single value":
		return "write one value behind the colon"
	}
	return "write one word, or [a, b]"
}

// field decodes the value of one key into out.
func (d *decoder) field(out *Fields, f Field, n *yaml.Node, key Value[string]) {
	n = follow(n)
	if f.Later {
		d.list.Notef(key.At, codeLater, "", "%s is not carried out by this version", f.Name)
	}
	switch f.Type {
	case Object:
		out.values[f.Name] = d.object(n, f.Fields, f.Name, key.At)
	case Objects:
		out.values[f.Name] = d.objects(n, f)
	case Map, placesMap, stageMap:
		out.values[f.Name] = d.entries(n, f)
	case Places, Names:
		out.values[f.Name] = d.words(n, f)
	default:
		if t, expanded, ok := d.scalar(n, f.Name); ok {
			d.convert(out, f, t, n, expanded)
		}
	}
}

func (d *decoder) objects(n *yaml.Node, f Field) []Entry {
	if n.Kind != yaml.SequenceNode {
		d.shape(n, f.Name, "a list")
		return nil
	}
	var out []Entry
	for _, item := range n.Content {
		item = follow(item)
		at := d.src.start(item)
		out = append(out, Entry{Fields: d.object(item, f.Fields, "an entry of "+f.Name, at), node: item})
	}
	return out
}

// entries decodes a map; of stages and sets it only gives the nodes.
func (d *decoder) entries(n *yaml.Node, f Field) []Entry {
	pairs, _ := d.pairs(n, f.Name)
	var out []Entry
	for _, p := range pairs {
		if f.Kind != "place" && !d.name(p.key, f.Name) {
			continue
		}
		e := Entry{Key: p.key, node: follow(p.value)}
		if f.Type == Map {
			e.Fields = d.object(p.value, f.Fields, singular(f.Name)+" "+p.key.V, p.key.At)
		}
		out = append(out, e)
	}
	return out
}

// singular is what one entry of a map is called.
func singular(name string) string {
	return strings.TrimSuffix(name, "s")
}
