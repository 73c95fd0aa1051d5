package route

import (
	"fmt"

	"github.com/ccatobs/cdt/engine/diag"
)

// once complains about what is defined in two places: within one file YAML's
// keys are unique, but a set may come from many files. Links have no names; the
// compiler counts them.
func (s *Set) once(list *diag.List) {
	c := census{list: list, seen: map[string]diag.Place{}}
	for _, v := range s.Sites {
		c.count("site "+v.Name, v.At)
	}
	for _, v := range s.Sets {
		c.count("set "+v.Name, v.At)
	}
	for _, v := range s.Routes {
		c.count("route "+v.Name, v.At)
	}
}

type census struct {
	list *diag.List
	seen map[string]diag.Place
}

func (c *census) count(what string, at diag.Place) {
	if first, twice := c.seen[what]; twice {
		c.list.Errorf(at, codeTwice, fmt.Sprintf("the first is at %s", first), "%s is defined twice", what)
		return
	}
	c.seen[what] = at
}
