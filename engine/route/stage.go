package route

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ccatobs/cdt/engine/diag"
)

// stage decodes a stage by the fields of its type. If the type is not known,
// only keys that some type takes are looked at.
func (p *parser) stage(e Entry) *Stage {
	s := &Stage{Name: e.Key.V, At: e.Key.At}
	what := "stage " + e.Key.V
	typ, ok := p.stageType(e.node, s)
	fields, node := typ.Fields, e.node
	if !ok {
		fields = p.anyStage()
		node = onlyKnown(e.node, fields)
	}
	f := p.object(node, fields, what, e.Key.At)
	s.Description = f.String("description")
	s.From, s.To, s.Here = f.List("from"), f.List("to"), f.List("at")
	s.When, s.Priority, s.Window = f.Text("when"), f.Text("priority"), f.Text("window")
	s.Needs, s.Formerly = f.List("needs"), f.List("formerly")
	s.Wanted, s.Choose = f.Bool("wanted"), f.String("choose")
	s.AtOnce, s.Attempts = f.Int("at_once"), f.Int("attempts")
	s.Fields = f
	return s
}

// stageType finds the type a stage says it has.
func (p *parser) stageType(n *yaml.Node, s *Stage) (StageType, bool) {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		return StageType{}, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		v := follow(n.Content[i+1])
		if n.Content[i].Value != "type" {
			continue
		}
		t, expanded, ok := p.scalar(v, "type")
		if !ok || !p.isText(t, v, expanded, "type") {
			return StageType{}, false
		}
		s.Type = t.Value()
		return p.findType(t, s)
	}
	p.list.Errorf(s.At, codeMissing, "type: "+strings.Join(p.typeNames(), " or "), "stage %s needs a type", s.Name)
	return StageType{}, false
}

func (p *parser) typeNames() []string {
	names := make([]string, len(p.types))
	for i, t := range p.types {
		names[i] = t.Name
	}
	return names
}

func (p *parser) findType(t Text, s *Stage) (StageType, bool) {
	for _, known := range p.types {
		if known.Name == t.V {
			return known, true
		}
	}
	p.list.Errorf(t.At, codeStageType, diag.DidYouMean(t.V, p.typeNames()), "stage %s has the type %s, which is not known", s.Name, display(t.V))
	return StageType{}, false
}

// anyStage are the keys that a stage of some type takes, but for `type`.
func (p *parser) anyStage() []Field {
	var all []Field
	for _, t := range p.types {
		for _, f := range t.Fields {
			if _, there := field(all, f.Name); !there && f.Name != "type" {
				f.Required = false
				all = append(all, f)
			}
		}
	}
	return all
}

// onlyKnown is a mapping without the keys that are none of the fields.
func onlyKnown(n *yaml.Node, fields []Field) *yaml.Node {
	n = follow(n)
	out := *n
	if n.Kind != yaml.MappingNode {
		return n
	}
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if _, known := field(fields, n.Content[i].Value); known {
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		}
	}
	return &out
}
