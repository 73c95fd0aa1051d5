package testserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// SSHServer is an sshd of a test's own: its own port, host key, configuration
// and the only key it lets in, which is for the user the test runs as.
type SSHServer struct {
	Host       string // 127.0.0.1
	Port       int
	User       string
	Key        string // private key that is let in
	KnownHosts string // file with the host key
	Log        func() string

	t        testing.TB
	dir      string
	cmd      *exec.Cmd
	settings []string
}

// SSH starts an sshd on a port of its own; it needs root. Settings are further
// lines of sshd_config. It is gone with the test, with every connection it had.
func SSH(t testing.TB, settings ...string) *SSHServer {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test starts an sshd of its own and must run as root")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &SSHServer{Host: "127.0.0.1", Port: Port(t), User: me.Username, t: t, dir: folder(t, nil), settings: settings}
	s.Key, s.KnownHosts = filepath.Join(s.dir, "key"), filepath.Join(s.dir, "known_hosts")
	s.makeKey("key")
	s.LetIn("")
	s.OtherHostKey()
	s.Know()
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where sshd locks itself in
		t.Fatal(err)
	}
	s.Start()
	return s
}

func (s *SSHServer) makeKey(name string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	for _, old := range []string{path, path + ".pub"} {
		if err := os.RemoveAll(old); err != nil {
			s.t.Fatal(err)
		}
	}
	runOnce(s.t, nil, Need(s.t, "ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path)
}

func (s *SSHServer) public(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name+".pub"))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func (s *SSHServer) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// LetIn lets the key in, with options as authorized_keys has them (`command="…"`); "": none.
func (s *SSHServer) LetIn(options string) {
	s.t.Helper()
	s.write("authorized_keys", strings.TrimSpace(options+" "+s.public("key"))+"\n")
}

// ShutOut lets nobody in any more. Connections that are there stay.
func (s *SSHServer) ShutOut() {
	s.t.Helper()
	s.write("authorized_keys", "")
}

// OtherHostKey gives the server another host key, from its next start on.
func (s *SSHServer) OtherHostKey() {
	s.t.Helper()
	s.makeKey("host_key")
}

// Know writes the present host key into KnownHosts.
func (s *SSHServer) Know() {
	s.t.Helper()
	s.write("known_hosts", fmt.Sprintf("[%s]:%d %s\n", s.Host, s.Port, s.public("host_key")))
}

// Start starts the server again after Stop, on the same port.
func (s *SSHServer) Start() {
	s.t.Helper()
	s.write("sshd_config", strings.Join(append([]string{
		"Port " + strconv.Itoa(s.Port), "ListenAddress " + s.Host, "HostKey " + filepath.Join(s.dir, "host_key"),
		"AuthorizedKeysFile " + filepath.Join(s.dir, "authorized_keys"), "PidFile none", "StrictModes no", "UsePAM no",
		"PasswordAuthentication no", "KbdInteractiveAuthentication no", "PubkeyAuthentication yes", "PermitRootLogin prohibit-password",
		"MaxStartups 200", "PrintMotd no", "LogLevel VERBOSE",
	}, s.settings...), "\n")+"\n")
	program := Need(s.t, "sshd", "openssh-server", "/usr/sbin")
	// Not bound to the test's context: that ends before the clean-up that stops it.
	s.cmd = exec.CommandContext(context.WithoutCancel(s.t.Context()), program, "-D", "-e", "-f", filepath.Join(s.dir, "sshd_config"))
	running := s.cmd
	said := (&server{name: "sshd", cmd: running, ready: "Server listening on", signal: syscall.SIGTERM}).start(s.t)
	s.Log = func() string { return strings.Join(said.kept(), "\n") }
	s.t.Cleanup(func() { endChildren(running.Process.Pid) }) // runs before the server is stopped
}

// Stop ends the listener: the port refuses connections. Connections that are there stay.
func (s *SSHServer) Stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("stop sshd: %v", err)
	}
	limit := time.After(patience)
	for {
		var d net.Dialer
		c, err := d.DialContext(s.t.Context(), "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
		if err != nil {
			return
		}
		_ = c.Close()
		select {
		case <-limit:
			s.t.Fatalf("sshd still takes connections %s after it was stopped", patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Break ends all connections at once, as a cut does; new ones are taken. It returns how many there were.
func (s *SSHServer) Break() int {
	s.t.Helper()
	return endChildren(s.cmd.Process.Pid)
}

// endChildren kills the children of a process.
func endChildren(parent int) int {
	n := 0
	for _, pid := range childrenOf(parent) {
		n += endChildren(pid) // sshd runs a connection as a child of the process that watches it
		if isSSHD(pid) && syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

func isSSHD(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return err == nil && strings.HasPrefix(string(b), "sshd")
}

func childrenOf(parent int) []int {
	var out []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent) {
			out = append(out, pid)
		}
	}
	return out
}

// Program builds a program of this module for a test; package is as `go build` takes it.
func Program(t testing.TB, pkg string) string {
	t.Helper()
	out := filepath.Join(folder(t, nil), filepath.Base(pkg))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, Need(t, "go", "golang"), "build", "-o", out, pkg)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	return out
}
