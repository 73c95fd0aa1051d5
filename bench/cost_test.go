//go:build servers

package bench_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat.
const tick = 10 * time.Millisecond

// cost is the processor time that each side has taken so far. Unlike a rate it
// says the same on a machine that has other things to do.
type cost struct {
	database time.Duration // PostgreSQL
	ours     time.Duration // with the database
	theirs   time.Duration
}

func (c cost) since(before cost) cost {
	return cost{c.database - before.database, c.ours - before.ours, c.theirs - before.theirs}
}

// costs adds up what this process and its descendants have taken: databases and
// workers of ours, and what belongs to Celery.
func costs() (c cost) {
	procs := map[int]process{}
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		if p, ok := readProcess(path); ok {
			procs[p.id] = p
		}
	}
	for _, p := range procs {
		if !p.under(procs, os.Getpid()) {
			continue
		}
		if slices.ContainsFunc([]string{"redis", "celery", "python"}, func(s string) bool { return strings.Contains(p.name, s) }) {
			c.theirs += p.took
			continue
		}
		c.ours += p.took
		if p.name == "postgres" {
			c.database += p.took
		}
	}
	return c
}

type process struct {
	id, parent int
	name       string
	took       time.Duration
}

// under reports whether the process is, or descends from, another one.
func (p process) under(procs map[int]process, id int) bool {
	for p.id != id {
		next, ok := procs[p.parent]
		if !ok {
			return false
		}
		p = next
	}
	return true
}

// readProcess reads a line as "12 (name) S 1 …"; the 14th and 15th fields are the times, the next two those of children that ended.
func readProcess(path string) (p process, ok bool) {
	line, err := os.ReadFile(path)
	from, to := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if err != nil || from < 0 || to < from {
		return p, false
	}
	rest := strings.Fields(string(line[to+1:]))
	if len(rest) < 15 {
		return p, false
	}
	p.name = string(line[from+1 : to])
	p.id, _ = strconv.Atoi(strings.TrimSpace(string(line[:from])))
	p.parent, _ = strconv.Atoi(rest[1])
	for _, field := range rest[11:15] {
		n, _ := strconv.Atoi(field)
		p.took += time.Duration(n) * tick
	}
	return p, true
}

// load is how many processes this machine had for its processors in the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
