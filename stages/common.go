package stages

// CommonFields are the keys that stages of every type share, in the order in
// which they are documented. `from`, `to` and `at` are taken only by the types that
// list them in their Spec.Fields; see [Spec.Takes].
func CommonFields() []Field {
	return []Field{
		{Name: "type", Type: Choice, Required: true, Options: []string{"package", "transfer", "archive", "stage", "verify"},
			Help: "What the stage does.", Example: "transfer"},
		{Name: "description", Type: String, Help: "What it is for, for people.", Example: "over the ocean, once"},
		{Name: "from", Type: Places, Help: "Where it reads: a location, a set, or a list of them.", Example: "ccat.buffer"},
		{Name: "to", Type: Places, Help: "Where it writes: a location, a set, or a list of them.", Example: "landing"},
		{Name: "at", Type: Places, Help: "Where it works: a location, a set, or a list of them.", Example: "archives"},
		{Name: "when", Type: Expression, Kind: "when",
			Help: "A move exists for a package only while this is true.", Example: `package.program != "ENG"`},
		{Name: "needs", Type: Names, Help: "Stages of this route that must be done first; adds order that the flow of data does not show.", Example: "[archive]"},
		{Name: "priority", Type: Expression, Kind: "priority", Default: "0",
			Help: "Order within a class; a higher number goes first.", Example: `package.program == "Cal" ? 10 : 0`},
		{Name: "wanted", Type: Bool, Default: "false", Help: "Every place it leads to is wanted, not only used on the way.", Example: "true"},
		{Name: "choose", Type: Choice, Options: []string{"order", "round_robin", "least_backlog"},
			Help: "Of the moves out of one location a package uses one: the first open one, the set rotated by the package's number, or the one with the smallest backlog. Without it, cost decides.", Example: "order"},
		{Name: "at_once", Type: Int, Min: 1, Help: "How many tasks of this stage may run at the same time; without it links and locations alone decide.", Example: "2"},
		{Name: "attempts", Type: Int, Min: 1, Default: "8", Help: "How many attempts that count are made before it is blocked and a person is asked.", Example: "8"},
		{Name: "window", Type: Window, Help: "Cron: the minutes in which it may start, in UTC unless CRON_TZ= says otherwise.", Example: `"* 20-23,0-6 * * *"`},
		{Name: "formerly", Type: Names, Help: "Names the stage had before: it keeps its identity.", Example: "[send]"},
	}
}

// Takes returns every key a stage of this type takes: the common ones, with
// those that the type describes itself in their place, then its own. A type that
// is compiled from something else takes none.
func (s Spec) Takes() []Field {
	if s.Compiled {
		return nil
	}
	own := map[string]Field{}
	for _, f := range s.Fields {
		own[f.Name] = f
	}
	var out []Field
	for _, f := range CommonFields() {
		mine, ok := own[f.Name]
		switch {
		case ok:
			out = append(out, mine)
			delete(own, f.Name)
		case f.Name != "from" && f.Name != "to" && f.Name != "at":
			out = append(out, f)
		}
	}
	for _, f := range s.Fields {
		if _, left := own[f.Name]; left {
			out = append(out, f)
		}
	}
	return out
}
