package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ccatobs/cdt/stages/builtin"
)

// atOnce is how many tasks run at once: in all, and of stage types.
type atOnce struct {
	total int
	types map[string]int
}

// defaultAtOnce is how many tasks run at once if nothing else is said.
const defaultAtOnce = 4

// mostAtOnce is what one process can have in hand: more is a slip of the finger.
const mostAtOnce = 1000

// parseAtOnce reads "4", "package=2,transfer=4" or "8,package=2". Without a
// number for all, it is the sum of those of the types, and at least the default.
func parseAtOnce(text string) (atOnce, error) {
	out := atOnce{types: map[string]int{}}
	sum := 0
	for part := range strings.SplitSeq(text, ",") {
		typ, number, typed := strings.Cut(strings.TrimSpace(part), "=")
		if !typed {
			typ, number = "", typ
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || typed && typ == "" {
			return out, misuse("write 4, or package=2,transfer=4", "--at-once: %q is no number of tasks", part)
		}
		if n > mostAtOnce {
			return out, misuse("a process does few tasks at once: write 4, or package=2,transfer=4", "--at-once: %q is more than %d", part, mostAtOnce)
		}
		switch {
		case typ == "" && out.total > 0, typ != "" && out.types[typ] > 0:
			return out, misuse("say each number once", "--at-once says %q twice", part)
		case typ == "":
			out.total = n
		case !isStageType(typ):
			return out, misuse("the types are "+strings.Join(stageTypes(), ", "), "--at-once: there is no stage type %q", typ)
		default:
			out.types[typ] = n
			sum += n
		}
	}
	if out.total == 0 {
		out.total = max(sum, defaultAtOnce)
	}
	return out, nil
}

func stageTypes() []string {
	var out []string
	for _, s := range builtin.Specs() {
		out = append(out, s.Type)
	}
	return out
}

func isStageType(typ string) bool {
	for _, t := range stageTypes() {
		if t == typ {
			return true
		}
	}
	return false
}

// String is how a person writes it.
func (a atOnce) String() string {
	parts := []string{strconv.Itoa(a.total)}
	for _, t := range stageTypes() {
		if n := a.types[t]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", t, n))
		}
	}
	return strings.Join(parts, ",")
}
