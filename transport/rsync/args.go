package rsync

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// call is one call of rsync.
type call struct {
	items []*item
	pull  bool
	dir   string // of the parts at the other end; of a pull: none
}

// calls puts the items that are still open together: those that are pushed
// into one folder share a call, each that is pulled has its own.
func (s *sending) calls() []*call {
	var out []*call
	pushed := map[string]*call{}
	for _, it := range s.items {
		if !it.open() {
			continue
		}
		if it.pull {
			out = append(out, &call{items: []*item{it}, pull: true})
			continue
		}
		dir := filepath.Dir(it.to)
		if pushed[dir] == nil {
			pushed[dir] = &call{dir: dir}
			out = append(out, pushed[dir])
		}
		pushed[dir].items = append(pushed[dir].items, it)
	}
	return out
}

// args are rsync's. All words are made here, by the engine, or checked: names
// that people gave are the targets of symlinks in the folder stage, which rsync follows.
//
//   - --append begins at the end of what was kept, without reading it; a part that
//     is not there yet is sent whole. It writes in place: there is no name but the attempt's.
//   - Times, owners and permissions of the source are nobody's business here; a part is 0644.
//   - --timeout ends the far half of a call whose near half is gone.
func (s *sending) args(c *call, stage string) []string {
	host := s.Host
	if s.Shared != nil {
		host.Share = s.Shared()
	}
	out := []string{
		"--dirs", "--copy-links", "--append", "--chmod=F644", "--no-compress",
		"--info=progress2,name0", "--outbuf=L", "--no-motd",
		"--timeout=" + strconv.Itoa(int(3*s.Stall/time.Second)+1),
		"--rsh=" + strings.Join(host.Words(), " "),
		"--rsync-path=" + strings.Join([]string{s.Agent, "agent", "exec", names(c.items), "--", s.RemoteProgram}, " "),
	}
	if s.Rate > 0 {
		out = append(out, fmt.Sprintf("--bwlimit=%d", max(s.Rate/1024, 1)))
	}
	if c.pull {
		return append(out, "--", s.over(c.items[0].from), c.items[0].to)
	}
	return append(out, "--", stage+"/", s.over(c.dir+"/"))
}

// over is a path at the other end.
func (s *sending) over(path string) string {
	host := s.Host.Name
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if s.Host.User != "" {
		host = s.Host.User + "@" + host
	}
	return host + ":" + path
}

func names(items []*item) string {
	var out []string
	for _, it := range items {
		out = append(out, it.Attempt.Name())
	}
	return strings.Join(out, ",")
}

// stage makes a folder in which every source has the name of its part.
func (c *call) stage() (dir string, err error) {
	if c.pull {
		return "", nil
	}
	if dir, err = os.MkdirTemp("", "cdt-rsync-"); err != nil {
		return "", fmt.Errorf("make a folder of links: %w", err)
	}
	for _, it := range c.items {
		if err := os.Symlink(it.from, filepath.Join(dir, filepath.Base(it.to))); err != nil {
			return dir, fmt.Errorf("make a folder of links: %w", err)
		}
	}
	return dir, nil
}

// environment is rsync's: no settings of a person's, and messages in English.
func environment() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "RSYNC_") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			out = append(out, v)
		}
	}
	return append(out, "LC_ALL=C")
}
