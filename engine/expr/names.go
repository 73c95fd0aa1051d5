package expr

import (
	"slices"
	"strings"
	"time"
)

// typ is the type of a value in an expression.
type typ int

const (
	bad typ = iota // already reported
	boolean
	number
	size
	duration
	moment
	text
	texts
)

func (t typ) String() string {
	return [...]string{"unknown", "true or false", "a number", "a size", "a duration", "a time", "a text", "a list of texts"}[t]
}

// name is one thing an expression can read: where it may stand and how its value is found.
type name struct {
	path  string
	typ   typ
	kinds []Kind
	get   func(*Env) any
}

// fact reports whether the name is a fact of a location or link: compared with
// constants only, so that the crossing can wake whoever waits for it.
func (n name) fact() bool {
	head, _, _ := strings.Cut(n.path, ".")
	return slices.Contains([]string{"from", "to", "here", "link"}, head)
}

// grows reports whether the value grows by itself, as fast as time passes.
func (n name) grows() bool {
	return n.path == "now" || n.path == "age" || strings.HasSuffix(n.path, ".age") || strings.HasSuffix(n.path, ".idle")
}

// allNames is the table of section 3 of the design, in its order.
func allNames() []name {
	return slices.Concat(packageNames(), copyNames(), placeNames("from", When), placeNames("to", When),
		placeNames("here", When, Delete), linkNames(), groupNames(),
		[]name{{"now", moment, []Kind{When, Priority, Select, Close, Delete}, func(e *Env) any { return e.Now }}})
}

func packageNames() []name {
	k := []Kind{When, Priority, Delete}
	return []name{
		{"package.id", text, k, func(e *Env) any { return e.Package.ID }},
		{"package.name", text, k, func(e *Env) any { return e.Package.Name }},
		{"package.number", number, k, func(e *Env) any { return e.Package.Number }},
		{"package.bytes", size, k, func(e *Env) any { return e.Package.Bytes }},
		{"package.files", number, k, func(e *Env) any { return e.Package.Files }},
		{"package.age", duration, k, func(e *Env) any { return e.Package.Age }},
		{"package.observed_at", moment, k, func(e *Env) any { return e.Package.ObservedAt }},
		{"package.instrument", text, k, func(e *Env) any { return e.Package.Instrument }},
		{"package.module", text, k, func(e *Env) any { return e.Package.Module }},
		{"package.program", text, k, func(e *Env) any { return e.Package.Program }},
		{"package.observation", text, k, func(e *Env) any { return e.Package.Observation }},
		{"package.tags", texts, k, func(e *Env) any { return e.Package.Tags }},
	}
}

func copyNames() []name {
	moves := []Kind{When, Priority, Delete}
	return []name{
		{"archived", number, moves, func(e *Env) any { return e.Archived }},
		{"copies", number, []Kind{When, Priority, Select, Delete}, func(e *Env) any { return e.Copies }},
		{"age", duration, moves, func(e *Env) any { return e.Age }},
		{"requested", boolean, moves, func(e *Env) any { return e.Requested }},
		{"released", boolean, moves, func(e *Env) any { return e.Released }},
	}
}

func placeNames(which string, kinds ...Kind) []name {
	place := func(e *Env) Place {
		switch which {
		case "from":
			return e.From
		case "to":
			return e.To
		}
		return e.Here
	}
	return []name{
		{which + ".used", size, kinds, func(e *Env) any { return place(e).Used }},
		{which + ".free", size, kinds, func(e *Env) any { return place(e).Free }},
		{which + ".site", text, kinds, func(e *Env) any { return place(e).Site }},
		{which + ".type", text, kinds, func(e *Env) any { return place(e).Type }},
	}
}

func linkNames() []name {
	return []name{
		{"link.up", boolean, []Kind{When}, func(e *Env) any { return e.Link.Up }},
		{"link.backlog", size, []Kind{When}, func(e *Env) any { return e.Link.Backlog }},
	}
}

func groupNames() []name {
	both, closing := []Kind{Select, Close}, []Kind{Close}
	return []name{
		{"group.bytes", size, closing, func(e *Env) any { return e.Group.Bytes }},
		{"group.files", number, closing, func(e *Env) any { return e.Group.Files }},
		{"group.age", duration, closing, func(e *Env) any { return e.Group.Age }},
		{"group.idle", duration, closing, func(e *Env) any { return e.Group.Idle }},
		{"group.finished", boolean, closing, func(e *Env) any { return e.Group.Finished }},
		{"group.instrument", text, both, func(e *Env) any { return e.Group.Instrument }},
		{"group.module", text, both, func(e *Env) any { return e.Group.Module }},
		{"group.program", text, both, func(e *Env) any { return e.Group.Program }},
		{"group.observation", text, both, func(e *Env) any { return e.Group.Observation }},
		{"group.tags", texts, both, func(e *Env) any { return e.Group.Tags }},
	}
}

// function is a function of the language; every one takes one literal.
type function struct {
	name  string
	typ   typ
	arg   typ
	unit  int64 // of durations and sizes
	kinds []Kind
}

// allFunctions is the list of functions with the kinds that may call them.
func allFunctions() []function {
	all := []Kind{When, Priority, Select, Close, Delete}
	out := []function{
		{"at", boolean, text, 0, []Kind{When, Priority, Select, Delete}},
		{"archived_all", boolean, text, 0, []Kind{When, Priority, Select, Delete}},
		{"cron", boolean, text, 0, all},
		{"days", duration, number, int64(24 * time.Hour), all},
		{"hours", duration, number, int64(time.Hour), all},
		{"minutes", duration, number, int64(time.Minute), all},
		{"seconds", duration, number, int64(time.Second), all},
	}
	decimal, binary := int64(1), int64(1)
	for _, letter := range "KMGTP" {
		decimal, binary = decimal*1000, binary*1024
		out = append(out, function{string(letter) + "B", size, number, decimal, all},
			function{string(letter) + "iB", size, number, binary, all})
	}
	return out
}
