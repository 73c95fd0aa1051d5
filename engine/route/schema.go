package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// object is a JSON object of the schema; encoding/json sorts its keys.
type object map[string]any

// variable is what may stand for any single value.
const variable = `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`

// Schema returns the JSON Schema (draft 7, which editors know) of a file of
// routes whose stages have these types. The same types give the same bytes.
func Schema(types []StageType) ([]byte, error) {
	s := schemer{types: types, definitions: object{}}
	root := s.object(topFields())
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Routes of CCAT Data Transfer"
	root["definitions"] = s.definitions
	s.properties(root)["version"] = object{"const": 1, "description": "version of the language"}
	s.grammars()
	s.stages()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("write the schema of routes: %w", err)
	}
	return out.Bytes(), nil
}

type schemer struct {
	types       []StageType
	definitions object
}

func (s schemer) properties(o object) object { return o["properties"].(object) }

// object is the schema of a mapping with these fields and no others.
func (s schemer) object(fields []Field) object {
	properties, required := object{}, []string{}
	for _, f := range fields {
		properties[f.Name] = s.described(f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// described is the schema of a field with its help. What stands beside a $ref
// does not count in draft 7, so the reference goes into an allOf.
func (s schemer) described(f Field) object {
	out := s.field(f)
	if ref, ok := out["$ref"]; ok {
		out = object{"allOf": []object{{"$ref": ref}}}
	}
	help := f.Help
	if f.Example != "" {
		help = strings.TrimSuffix(help, ".") + ". Example: " + f.Example
	}
	if help != "" {
		out["description"] = help
	}
	if f.Default != "" {
		out["default"] = jsonDefault(f)
	}
	return out
}

// jsonDefault is the default as JSON; a number stays one.
func jsonDefault(f Field) any {
	switch f.Type {
	case Bool, Int, Number:
		return json.RawMessage(f.Default)
	case Names, Places:
		return defaultWordsOf(f.Default)
	}
	return f.Default
}

func ref(name string) object { return object{"$ref": "#/definitions/" + name} }

func (s schemer) field(f Field) object {
	switch f.Type {
	case Object:
		return s.object(f.Fields)
	case Objects:
		return object{"type": "array", "items": s.object(f.Fields)}
	case Map:
		return s.named(f.Kind, s.object(f.Fields))
	case placesMap:
		return s.named("", ref("words"))
	case stageMap:
		return s.named("", ref("stage"))
	case Choice:
		return object{"anyOf": []object{{"enum": f.Options}, ref("variable")}}
	case Names:
		if len(f.Options) > 0 {
			one := object{"enum": f.Options}
			return object{"anyOf": []object{one, {"type": "array", "items": one}}}
		}
		return ref("words")
	case Places:
		return ref("words")
	case Int:
		return object{"anyOf": []object{{"type": "integer", "minimum": f.Min}, ref("variable")}}
	}
	return ref(string(f.Type))
}

// named is a mapping from names to values of one schema.
func (s schemer) named(kind string, value object) object {
	name := `[a-z][a-z0-9_-]{0,39}`
	if kind == "place" {
		name += `(\.` + name + `)?`
	}
	return object{"type": "object", "patternProperties": object{"^" + name + "$": value}, "additionalProperties": false}
}

// grammars defines what single values look like.
func (s schemer) grammars() {
	d := s.definitions
	d["variable"] = object{"type": "string", "pattern": variable}
	d["string"] = object{"type": "string", "minLength": 1}
	d["window"] = object{"type": "string", "minLength": 1}
	d["expression"] = object{"type": []string{"string", "boolean", "integer"}}
	d["bool"] = object{"anyOf": []object{{"type": "boolean"}, ref("variable")}}
	d["number"] = object{"anyOf": []object{{"type": "number", "minimum": 0}, ref("variable")}}
	d["words"] = object{"anyOf": []object{{"type": "string", "minLength": 1}, {"type": "array", "items": object{"type": "string", "minLength": 1}}}}
	for name, q := range map[string]quantity{"size": sizes(), "duration": durations(), "rate": rates(), "share": shares()} {
		units := strings.Join(q.names(), "|")
		d[name] = object{"type": "string", "pattern": `^[0-9]+(` + units + `)$|` + variable, "description": q.what + ": an integer and a unit, as " + q.example}
	}
}

// stages defines a stage: by its type, the fields it takes.
func (s schemer) stages() {
	names, branches := []string{}, []object{}
	for _, t := range s.types {
		names = append(names, t.Name)
		own := s.object(t.Fields)
		own["description"] = t.Help
		s.properties(own)["type"] = object{"const": t.Name, "description": t.Help}
		s.definitions["stage_"+t.Name] = own
		branches = append(branches, object{
			"if":   object{"properties": object{"type": object{"const": t.Name}}, "required": []string{"type"}},
			"then": ref("stage_" + t.Name),
		})
	}
	s.definitions["stage"] = object{
		"type": "object", "required": []string{"type"},
		"properties": object{"type": object{"enum": names, "description": "the stage type"}},
		"allOf":      branches,
	}
}
