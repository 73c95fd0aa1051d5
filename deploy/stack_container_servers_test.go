//go:build servers

package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// container is one service of the stack, in namespaces of its own: testdata/container.sh.
type container struct {
	name string
	cmd  *exec.Cmd
	env  []string // of container.sh, and of the service
	log  string   // file with what it says
	done chan struct{}
	err  error // how it ended; after done
}

// patience is how long a service may take until it is healthy, and until it has ended.
const patience = 3 * time.Minute

// start starts a service: its program stands for its image, everything else is what docker-compose.yml says.
func (s *stack) start(name string) (*container, error) {
	of := s.services[name]
	in := s.imageOf(name)
	dir := filepath.Join(s.dir, "run", name)
	if err := os.MkdirAll(filepath.Join(dir, "root"), 0o755); err != nil {
		return nil, err
	}
	layout, err := s.layout(name, of, in)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "layout"), []byte(layout), 0o600); err != nil {
		return nil, err
	}
	c := &container{name: name, log: filepath.Join(dir, "log"), done: make(chan struct{})}
	c.env = []string{"LAYOUT=" + filepath.Join(dir, "layout"), "RUN_AS=" + userOf(of, in), "CAPS=" + capabilities(of), "PATH=" + in.path, "HOME=/home/cdt"}
	for key, value := range of.Environment {
		c.env = append(c.env, key+"="+s.here(name, s.interpolated(value)))
	}
	args := append([]string{"--mount", "--uts", "/bin/sh", s.script, filepath.Join(dir, "root"), name, "/usr/bin/env", "-u", "LAYOUT", "-u", "RUN_AS", "-u", "CAPS", "-C", in.folder}, s.command(name, of, in)...)
	return c, c.start("/usr/bin/unshare", args)
}

// start starts the process; it dies with the test's, however that ends.
func (c *container) start(program string, args []string) error {
	out, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	c.cmd = exec.Command(program, args...) //nolint:noctx // ended by a signal
	c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = c.env, out, out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig looks at the thread that forked
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.err = c.cmd.Wait()
		}
		_ = out.Close()
		close(c.done)
	}()
	return <-started
}

// layout is what the service finds in its file system.
func (s *stack) layout(name string, of service, in image) (string, error) {
	lines := []string{"bindro " + filepath.Join(s.dir, "etc", "passwd") + " /etc/passwd", "bindro " + filepath.Join(s.dir, "etc", "group") + " /etc/group", "bindro " + filepath.Join(s.dir, "etc", "hosts") + " /etc/hosts"}
	if in.program != "" {
		lines = append(lines, "bindro "+filepath.Dir(in.program)+" /usr/local/bin")
	}
	for _, f := range in.folders {
		lines = append(lines, "folder 755 "+f)
	}
	for _, v := range of.Volumes {
		parts := append(strings.Split(v, ":"), "")
		from, kind := s.volume(name, parts[0]), "bind "
		if parts[2] == "ro" {
			kind = "bindro "
		}
		if err := s.made(from, name, of, in); err != nil {
			return "", err
		}
		lines = append(lines, kind+from+" "+parts[1])
	}
	for _, f := range of.Tmpfs {
		to, options, _ := strings.Cut(f, ":")
		if !strings.Contains(options, "mode=") {
			options += ",mode=1777"
		}
		lines = append(lines, "tmpfs "+strings.TrimPrefix(options, ",")+" "+to)
	}
	if of.ReadOnly {
		lines = append(lines, "readonly - /")
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// made makes the folder of a volume at its first use, as the user of an image that takes its volumes over.
func (s *stack) made(from, name string, of service, in image) error {
	_, err := os.Stat(from)
	if errors.Is(err, os.ErrNotExist) {
		err = os.MkdirAll(from, 0o755)
	}
	if err != nil || in.user == "" || !strings.HasPrefix(from, filepath.Join(s.dir, "volumes")) {
		return err
	}
	uid, gid, _ := strings.Cut(userOf(of, in), ":")
	u, err1 := strconv.Atoi(uid)
	g, err2 := strconv.Atoi(gid)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("the user of %s: %w", name, err)
	}
	return os.Chown(from, u, g)
}

// userOf is who the service runs as.
func userOf(of service, in image) string {
	switch {
	case in.user != "": // the image begins as root and then is somebody else
		return in.user
	case of.User != "":
		return of.User
	}
	return "0:0"
}

// capabilities are the rights of a service, as setpriv takes them.
func capabilities(of service) string {
	if !slices.Contains(of.CapDrop, "ALL") {
		return "all"
	}
	out := "-all"
	for _, c := range of.CapAdd {
		out += ",+" + strings.ToLower(c)
	}
	return out
}

// inside runs a command in a service that runs, as its user, and returns what it says.
func (s *stack) inside(ctx context.Context, name string, args ...string) (string, error) {
	all := append(s.entering(name), args...)
	out, err := exec.CommandContext(ctx, all[0], all[1:]...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("in %s: %q: %w\n%s", name, args, err, out)
	}
	return string(out), err
}

// entering is the beginning of a command that is run in a service, with the user, rights and settings of that.
func (s *stack) entering(name string) []string {
	s.mu.Lock()
	c := s.running[name]
	s.mu.Unlock()
	of, in := s.services[name], s.imageOf(name)
	uid, gid, _ := strings.Cut(userOf(of, in), ":")
	out := []string{"/usr/bin/nsenter", "--target", strconv.Itoa(c.cmd.Process.Pid), "--mount", "--uts", "--root", "--", "/usr/bin/setpriv", "--reuid=" + uid, "--regid=" + gid, "--clear-groups", "--no-new-privs", "--inh-caps=-all"}
	if caps := capabilities(of); caps != "all" {
		out = append(out, "--bounding-set="+caps)
	}
	return append(append(out, "/usr/bin/env", "-i", "-C", in.folder), c.env[3:]...)
}

// stop ends a service as docker-compose does: nothing it started lives on, no session of an sshd either.
func (c *container) stop() error {
	all := descendants(c.cmd.Process.Pid)
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
		for _, pid := range all {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return nil
	case <-time.After(patience):
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		return fmt.Errorf("%s did not end within %s", c.name, patience)
	}
}

// descendants are the processes that one started, and those that they did.
func descendants(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // state, parent
		child, err1 := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, err2 := strconv.Atoi(fields[1])
		if err1 == nil && err2 == nil {
			children[parent] = append(children[parent], child)
		}
	}
	out := []int{}
	for next := children[pid]; len(next) > 0; next = next[1:] {
		out = append(out, next[0])
		next = append(next, children[next[0]]...)
	}
	return out
}

// said is the end of what a service says.
func (c *container) said() string {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	const most = 3000
	return string(text[max(0, len(text)-most):])
}
