package expr

import (
	"slices"
	"strings"
)

// readSet collects what the checker meets.
type readSet struct {
	names     []name
	locations []string
	sets      []string
	cron      bool
}

// sorted returns what was met, each thing once. In `when`, here is another word for from.
func (r readSet) sorted(kind Kind) Reads {
	out := Reads{Now: r.cron, Locations: distinct(r.locations), Sets: distinct(r.sets)}
	for _, n := range r.names {
		head, field, _ := strings.Cut(n.path, ".")
		switch head {
		case "package":
			out.Package = true
		case "group":
			out.Group = true
		case "archived":
			out.Archived = true
		case "copies":
			out.Copies = true
		case "requested", "released":
			out.Requests = true
		case "from", "to", "here":
			if kind == When && head == "here" {
				head = "from"
			}
			out.Places = append(out.Places, head)
		case "link":
			out.Link = true
		case "now":
			out.Now = true
		}
		out.Age = out.Age || head == "age" || field == "age"
		out.Idle = out.Idle || field == "idle"
	}
	out.Places = distinct(out.Places)
	return out
}

func distinct(words []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(words)))
}
