package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// largest is how long a file of settings may be.
const largest = 1 << 20

// Read decodes a file of settings: one YAML mapping of known keys. Lists are
// joined by commas, mappings as key=value, so that a value reads as its flag
// does. All errors carry file:line; a value is never part of one.
func Read(file string, text []byte) ([]Setting, error) {
	if len(text) > largest {
		return nil, fmt.Errorf("%s: longer than %d bytes: these are no settings", file, largest)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %s", file, withoutValues(err))
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: a second document: settings are one", file)
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return nil, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: settings are a mapping, like `lease: 60s`", file, top.Line)
	}
	return settings(file, top)
}

func settings(file string, top *yaml.Node) ([]Setting, error) {
	var out []Setting
	var errs []error
	for i := 0; i+1 < len(top.Content); i += 2 {
		name, value := top.Content[i], top.Content[i+1]
		at := fmt.Sprintf("%s:%d", file, name.Line)
		s, err := setting(name.Value, value)
		if err == nil && slices.ContainsFunc(out, func(o Setting) bool { return o.Key == s.Key }) {
			err = fmt.Errorf("%s is there twice", name.Value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", at, err))
			continue
		}
		s.From = at
		out = append(out, s)
	}
	return out, errors.Join(errs...)
}

func setting(name string, value *yaml.Node) (Setting, error) {
	i := slices.IndexFunc(Keys(), func(k Key) bool { return k.Name == name })
	if i < 0 {
		known := names(func(k Key) string { return k.Name })
		if meant := nearest(name, known); meant != "" {
			return Setting{}, fmt.Errorf("there is no setting %q: did you mean %s?", name, meant)
		}
		return Setting{}, fmt.Errorf("there is no setting %q; there are %s", name, strings.Join(known, ", "))
	}
	text, err := flat(value)
	if err != nil {
		return Setting{}, fmt.Errorf("%s: %w", name, err)
	}
	return Setting{Key: Keys()[i], Text: NewSecret(text)}, nil
}

// flat is a value as one writes it after a flag.
func flat(n *yaml.Node) (string, error) {
	var parts []string
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "", errors.New("has no value")
		}
		return n.Value, nil
	case yaml.SequenceNode:
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode {
				return "", errors.New("a list here holds plain values")
			}
			parts = append(parts, c.Value)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i+1].Kind != yaml.ScalarNode {
				return "", errors.New("a mapping here holds plain values")
			}
			parts = append(parts, n.Content[i].Value+"="+n.Content[i+1].Value)
		}
	default:
		return "", errors.New("aliases are not for settings")
	}
	return strings.Join(parts, ","), nil
}

// withoutValues is a syntax error without the piece of text it may quote.
func withoutValues(err error) string {
	text, _, _ := strings.Cut(err.Error(), "`")
	return strings.TrimSpace(text)
}
