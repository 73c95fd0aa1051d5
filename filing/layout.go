package filing

import (
	"fmt"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// DefaultLayout is the layout of a source location that names none.
const DefaultLayout = "{observation}/**"

// unnamed stands for what a layout does not name.
const unnamed = "-"

// Layout says what the folders of a source location mean. It is a list of
// folders, each one word in braces ({instrument}, {observation}, {module},
// {program}) with or without plain text around it, plain text, or "*" for any
// folder; "**" may stand last and changes nothing.
type Layout struct {
	folders    []folder
	instrument string // of files whose instrument no folder names
}

// folder is one level of a layout: before + word + after.
type folder struct {
	before, after string
	word          string // "" for plain text
	any           bool   // "*"
}

// Placed is what a layout says of one file.
type Placed struct {
	Instrument, Observation, Module, Program string
	// Folder is the observation's own folder, "" if it has none.
	Folder string
}

// ParseLayout parses a layout; "" is the default. The location's name is the
// instrument of files for which the layout names none.
func ParseLayout(text, location string) (Layout, error) {
	if text == "" {
		text = DefaultLayout
	}
	_, name, found := strings.Cut(location, ".")
	if !found {
		name = location
	}
	l := Layout{instrument: name}
	seen := map[string]bool{}
	levels := strings.Split(strings.TrimSuffix(text, "/"), "/")
	for i, level := range levels {
		if level == "**" && i == len(levels)-1 {
			break
		}
		f, err := parseFolder(level)
		if err != nil {
			return Layout{}, fmt.Errorf("layout %q: %w", text, err)
		}
		if f.word != "" && seen[f.word] {
			return Layout{}, fmt.Errorf("layout %q: {%s} stands twice", text, f.word)
		}
		seen[f.word] = true
		l.folders = append(l.folders, f)
	}
	return l, nil
}

func parseFolder(level string) (folder, error) {
	if level == "*" {
		return folder{any: true}, nil
	}
	before, rest, braces := strings.Cut(level, "{")
	if !braces {
		if level == "" || strings.ContainsAny(level, "*}") {
			return folder{}, fmt.Errorf("%q is no folder; write a name, {instrument}, {observation}, {module}, {program} or *, and ** only last", level)
		}
		return folder{before: level}, nil
	}
	word, after, closed := strings.Cut(rest, "}")
	if !closed || strings.ContainsAny(before+after, "{}*") {
		return folder{}, fmt.Errorf("%q: one word in braces a folder", level)
	}
	switch word {
	case "instrument", "observation", "module", "program":
		return folder{before: before, after: after, word: word}, nil
	default:
		return folder{}, fmt.Errorf("{%s} is not known; there are {instrument}, {observation}, {module} and {program}", word)
	}
}

// Place says what a file is. What the layout does not name is "-", the
// instrument then the location's name. A file that lies too high to be in an
// observation's folder, or in folders other than the layout's, belongs to the
// observation of its day: that of its modification time, in UTC.
func (l Layout) Place(path string, modTime time.Time) Placed {
	folders := strings.Split(path, "/")
	folders = folders[:len(folders)-1]
	p := Placed{Instrument: l.instrument, Observation: unnamed, Module: unnamed}
	if !l.read(folders, &p) {
		p = Placed{Instrument: l.instrument, Module: unnamed}
	}
	if p.Observation == "" || len(folders) == 0 {
		p.Observation = modTime.UTC().Format(time.DateOnly)
	}
	return p
}

// read reads the folders of a file into p; false if they are not the layout's.
// An observation that is named, but by a folder the file is not in, is "".
func (l Layout) read(folders []string, p *Placed) bool {
	for i, f := range l.folders {
		if i >= len(folders) {
			if f.word == "observation" {
				p.Observation = ""
			}
			continue
		}
		value, fits := f.match(folders[i])
		if !fits {
			return false
		}
		p.set(f.word, value)
		if f.word == "observation" {
			p.Folder = strings.Join(folders[:i+1], "/")
		}
	}
	return true
}

func (f folder) match(name string) (value string, fits bool) {
	switch {
	case f.any:
		return "", true
	case f.word == "":
		return "", name == f.before
	case len(name) <= len(f.before)+len(f.after) || !strings.HasPrefix(name, f.before) || !strings.HasSuffix(name, f.after):
		return "", false
	default:
		return name[len(f.before) : len(name)-len(f.after)], true
	}
}

// set sets what a word stands for. Folder names may be any bytes; what groups are called may not.
func (p *Placed) set(word, value string) {
	value = opsdb.ShowPath(value)
	switch word {
	case "instrument":
		p.Instrument = value
	case "observation":
		p.Observation = value
	case "module":
		p.Module = value
	case "program":
		p.Program = value
	}
}
