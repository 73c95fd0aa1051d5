package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/ccatobs/cdt/examples/three-sites/machine"
	"github.com/ccatobs/cdt/opsdb/postgres"
)

// Process is a program that runs at a site, or beside all ("").
type Process struct {
	lab  *Lab
	name string
	cmd  *exec.Cmd
	log  string
	done <-chan struct{}
}

// start starts a program at a site; what it says is in a file. It ends with its machine.
func (l *Lab) start(site, name string, cmd *exec.Cmd) *Process {
	l.Helper()
	p := &Process{lab: l, name: strings.TrimPrefix(site+" "+name, " "), cmd: cmd}
	p.log = filepath.Join(l.Root, site, "log", name)
	l.Must(os.MkdirAll(filepath.Dir(p.log), 0o755))
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	l.Must(err)
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if site != "" {
		p.done, err = l.machines[site].Start(cmd)
		l.Must(err)
		return p
	}
	ended, started := make(chan struct{}), make(chan error)
	p.done = ended
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	go func() {
		runtime.LockOSThread() // Pdeathsig looks at the thread that forked
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	l.Must(<-started)
	l.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	return p
}

// Engine starts an engine and waits until the routes are in force.
func (l *Lab) Engine(args ...string) *Process {
	l.Helper()
	args = append([]string{"serve", "--role", "engine", "--db", l.URL, "--routes", l.RoutesFile()}, args...)
	p := l.start("", "engine", exec.Command(l.Program, args...)) //nolint:noctx // it ends with the test
	p.WaitFor(`"msg":"serving"`)
	store, err := postgres.Open(l.Context(), l.URL, postgres.Options{Name: "lab"})
	l.Must(err)
	l.Cleanup(func() { _ = store.Close() })
	l.Store = store
	return p
}

// Work marks a site's locations as its own and starts its worker.
func (l *Lab) Work(site string, args ...string) *Process {
	l.Helper()
	init := []string{"init-location", "--adopt", "--db", l.URL, "--routes", machine.Disks + "/etc/routes.yaml"}
	for name, loc := range l.Graph.Locations {
		if loc.Site.Name == site {
			init = append(init, name)
		}
	}
	if _, err := l.machines[site].Run(l.atSite(init...)); err != nil {
		l.Fatal(err)
	}
	args = append([]string{"work", "--site", site, "--db", l.URL, "--state", machine.Disks + "/state"}, args...)
	p := l.start(site, "work", l.atSite(args...))
	p.WaitFor(`"msg":"working"`)
	return p
}

// atSite is dtctl as it is installed at every site, with the keys of the S3 server.
func (l *Lab) atSite(args ...string) *exec.Cmd {
	cmd := exec.Command(machine.Disks+"/bin/dtctl", args...) //nolint:noctx // it ends with its machine
	cmd.Env = append(os.Environ(), "PATH="+machine.Disks+"/bin:"+os.Getenv("PATH"), "COLOGNE_LTA_ACCESS_KEY="+s3Access, "COLOGNE_LTA_SECRET_KEY="+s3Secret)
	return cmd
}

// Dtctl runs a verb beside all sites and returns what it said.
func (l *Lab) Dtctl(args ...string) string {
	l.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.Context()), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, l.Program, append(args, "--db", l.URL)...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s%v\n", out, err)
	}
	return string(out)
}

// Log is what a process has said so far.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// WaitFor waits until a process has said something.
func (p *Process) WaitFor(text string) {
	p.lab.Helper()
	p.lab.Await(p.name+" says "+text, time.Minute, func() (bool, error) {
		select {
		case <-p.done:
			p.lab.Fatalf("%s ended before it said %s\n%s", p.name, text, p.Log())
		default:
		}
		return bytes.Contains([]byte(p.Log()), []byte(text)), nil
	})
}

// Stop stops a process gracefully.
func (p *Process) Stop() {
	p.lab.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.lab.Fatalf("%s does not stop\n%s", p.name, p.Log())
	}
	if !p.cmd.ProcessState.Success() {
		p.lab.Errorf("%s ended with %s\n%s", p.name, p.cmd.ProcessState, p.Log())
	}
}

// state says how things stand, for a test that fails.
func (l *Lab) state() string {
	var out strings.Builder
	if l.Store != nil {
		out.WriteString(l.Dtctl("status") + l.Dtctl("tasks"))
	}
	logs, _ := filepath.Glob(filepath.Join(l.Root, "*", "log", "*"))
	more, _ := filepath.Glob(filepath.Join(l.Root, "log", "*"))
	for _, path := range append(logs, more...) {
		text, _ := os.ReadFile(path)
		const most = 3000
		fmt.Fprintf(&out, "--- %s\n%s", strings.TrimPrefix(path, l.Root), text[max(0, len(text)-most):])
	}
	return out.String()
}
