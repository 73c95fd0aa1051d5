package graph

import (
	"fmt"
	"slices"
	"time"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/expr"
	"github.com/ccatobs/cdt/engine/route"
	"github.com/ccatobs/cdt/stages"
)

// expressions compiles the expressions and windows of the stages.
func (c *compiler) expressions() {
	for _, r := range c.g.Routes {
		for _, s := range r.Stages {
			in := c.about[s].in
			s.When = c.compile(expr.When, in.When)
			if in.Priority.Set {
				s.Priority = c.compile(expr.Priority, in.Priority)
			}
			s.Window = c.window(in.Window)
		}
	}
}

// compile compiles an expression; nil if none is written or it is wrong.
func (c *compiler) compile(kind expr.Kind, t route.Text) *expr.Program {
	if t.V == "" {
		return nil
	}
	return expr.Compile(kind, t.V, t.PlaceOf, c.names(), c.list)
}

// settings reads the fields that only some stage types take.
func (c *compiler) settings() {
	for _, r := range c.g.Routes {
		for _, s := range r.Stages {
			a := c.about[s]
			f := a.in.Fields
			s.Every, s.OnCorrupt = f.Duration("every").V, f.String("on_corrupt").V
			b := f.Object("batch")
			if f.Has("batch") {
				s.Batch = Batch{b.Size("max_size").V, b.Int("max_packages").V, b.Duration("max_wait").V}
			}
			c.packing(s, f)
			c.positive(f, "every", "max_size")
			c.meaningless(s)
		}
	}
}

func (c *compiler) packing(s *Stage, f route.Fields) {
	if !c.takes(s, "max_size") {
		return
	}
	s.MaxSize = f.Size("max_size").V
	if s.MaxSize == 0 {
		s.MaxSize = 50e9
	}
	s.GroupBy = f.List("group_by").Names()
	if len(s.GroupBy) == 0 {
		s.GroupBy = []string{"instrument", "observation", "module"}
	}
	if t := f.Text("select"); t.Set {
		s.Select = c.compile(expr.Select, t)
	}
	if t := f.Text("close_when"); t.Set {
		s.CloseWhen = c.compile(expr.Close, t)
		return
	}
	source := fmt.Sprintf("group.finished || group.bytes >= %s || group.idle >= minutes(10)", sizeLiteral(s.MaxSize))
	s.CloseWhen = expr.Compile(expr.Close, source, expr.At(s.At), expr.Names{}, c.list)
}

func (c *compiler) takes(s *Stage, field string) bool {
	return slices.ContainsFunc(c.about[s].spec.Takes(), func(f stages.Field) bool { return f.Name == field })
}

// sizeLiteral writes a size as an expression does, rounded up to whole KB.
func sizeLiteral(bytes int64) string {
	for _, u := range []struct {
		name string
		unit int64
	}{{"TB", 1e12}, {"TiB", 1 << 40}, {"GB", 1e9}, {"GiB", 1 << 30}, {"MB", 1e6}, {"MiB", 1 << 20}, {"KB", 1e3}, {"KiB", 1 << 10}} {
		if bytes%u.unit == 0 {
			return fmt.Sprintf("%s(%d)", u.name, bytes/u.unit)
		}
	}
	return fmt.Sprintf("KB(%d)", bytes/1000+1)
}

// positive reports what is written as zero and may not be.
func (c *compiler) positive(f route.Fields, names ...string) {
	for _, name := range names {
		d, s := f.Duration(name), f.Size(name)
		if d.Set && d.V < time.Second {
			c.list.Errorf(d.At, diag.TooLittle, "for example: 1m", "%s must be at least 1s", name)
		}
		if s.Set && s.V == 0 {
			c.list.Errorf(s.At, diag.TooLittle, "for example: 50GB", "%s must be more than zero", name)
		}
	}
}

// meaningless reports settings that do nothing for a stage that only works at places.
func (c *compiler) meaningless(s *Stage) {
	a := c.about[s]
	if !a.works() {
		return
	}
	if a.in.Wanted.Set && a.in.Wanted.V {
		c.list.Errorf(a.in.Wanted.At, diag.OddSetting, "say it at the stage that leads there", "a stage of type %s leads nowhere, so nothing can be wanted by it", s.Type)
	}
	if a.in.Choose.Set {
		c.list.Errorf(a.in.Choose.At, diag.OddSetting, "leave it out", "a stage of type %s has nothing to choose between", s.Type)
	}
}
