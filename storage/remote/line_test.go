//go:build servers

package remote_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/storage/storagetest"
	"github.com/ccatobs/cdt/testserver/executable"
	"github.com/ccatobs/cdt/transport/ssh"
)

// lost: what runs when the connection breaks fails as the link's, and the next call makes a new one.
func lost(t *testing.T, s *site) {
	a := storagetest.NewAttempt()
	storagetest.WritePart(t, s.near, a, storagetest.Bytes(256<<20, 1))
	_, err := s.far.ReadPart(t.Context(), a, func(string, int64) { s.Break() })
	if f := stages.FailureOf(err); !errors.Is(err, storage.ErrUnreachable) || f.Class != opsdb.Environment || f.Subject != "link:ccat>cologne" {
		t.Errorf("read: %v, classified %+v", err, f)
	}
	for range 3 {
		if _, err := s.far.PartSize(t.Context(), a); err != nil {
			t.Errorf("after the loss: %v", err)
		}
		if s.Break() == 0 {
			t.Error("no connection to break")
		}
	}
	s.Break()
	s.Stop()
	_, err = s.far.PartSize(t.Context(), a)
	if f := stages.FailureOf(err); f.Reason != ssh.Unreachable || f.Subject != "link:ccat>cologne" {
		t.Errorf("without sshd: %v, classified %+v", err, f)
	}
	s.Start()
	if _, err := s.far.PartSize(t.Context(), a); err != nil {
		t.Errorf("with sshd again: %v", err)
	}
}

func idle(t *testing.T, s *site) {
	s.options.Idle, s.options.Ping = 50*time.Millisecond, 10*time.Millisecond
	s.again(t)
	if _, err := s.agent.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	storagetest.Await(t, "an idle connection ends", func() bool { return strings.Contains(s.Log(), "Disconnected from user") })
	if h, err := s.agent.Hello(t.Context()); err != nil || h.Protocol != remote.Protocol || h.Version == "" {
		t.Errorf("hello %+v, %v", h, err)
	}
}

func linkFailures(t *testing.T, s *site) {
	check := func(name string, class opsdb.FailureClass, reason string) {
		t.Helper()
		s.again(t)
		_, err := s.far.Check(t.Context())
		f := stages.FailureOf(err)
		if !errors.Is(err, storage.ErrUnreachable) || f.Class != class || f.Reason != reason || f.Text == "" {
			t.Errorf("%s: %v, classified %+v", name, err, f)
		}
	}
	good := s.options
	s.ShutOut()
	check("login refused", opsdb.Environment, ssh.Login)
	s.LetIn("")
	s.Stop()
	s.OtherHostKey()
	s.Start()
	check("another host key", opsdb.Environment, ssh.HostKey)
	s.Know()
	s.options.Program = "/none/dtctl"
	check("no agent", opsdb.BadConfig, ssh.NoProgram)
	s.options = good
	s.options.Host.Program = "/none/ssh"
	check("no ssh", opsdb.BadConfig, ssh.NoProgram)
	s.options = good
	s.options.Host.Name = "none.invalid"
	check("no such host", opsdb.Environment, ssh.Unreachable)
	s.options = good
	s.Stop()
	check("no sshd", opsdb.Environment, ssh.Unreachable)
	s.Start()
	s.again(t)
	if _, err := s.far.Check(t.Context()); err != nil {
		t.Errorf("when all is well again: %v", err)
	}
}

// wrongAgents: programs that are no agent, or one of another version.
func wrongAgents(t *testing.T, s *site) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"another protocol": `echo '{"cdt_agent":99,"version":"9.9"}'; cat`,
		"no agent":         "echo 'unknown verb' >&2; exit 2",
		"babbles":          "yes",
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_"))
		executable.Write(t, path, "#!/bin/sh\n"+script+"\n")
		s.options.Program = path
		s.again(t)
		if _, err := s.far.Check(t.Context()); stages.FailureOf(err).Class != opsdb.BadConfig || !strings.Contains(err.Error(), "install the same dtctl") {
			t.Errorf("%s: %v", name, err)
		}
	}
	silent := filepath.Join(dir, "silent")
	executable.Write(t, silent, "#!/bin/sh\ncat\n")
	s.options.Program, s.options.Begin = silent, time.Second
	s.again(t)
	if _, err := s.far.Check(t.Context()); !errors.Is(err, storage.ErrUnreachable) {
		t.Errorf("silent: %v", err)
	}
}

// forced: a key that may do nothing but what the agent is for.
func forced(t *testing.T, s *site) {
	s.LetIn(`restrict,command="` + s.options.Program + ` agent forced --root ` + s.root + ` --program rsync"`)
	if _, err := s.far.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	other := s.place
	other.Root = t.TempDir()
	if _, err := remote.NewDisk(s.agent, other).Check(t.Context()); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("another root: %v", err)
	}
	if v, err := s.agent.ProgramVersion(t.Context(), "rsync"); err != nil || !strings.HasPrefix(v, "rsync ") {
		t.Errorf("version %q, %v", v, err)
	}
	if _, err := s.agent.ProgramVersion(t.Context(), "sh"); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("version of sh: %v", err)
	}
	d := s.options.Program
	for _, bad := range [][]string{{"id"}, {d, "status"}, {d, "agent", "exec", "a", "--", "sh"}, {d, "agent", "exec", "a", "--", "rsync", "--server", ".", s.root + "/x"}, {d, "agent", "exec", "a", "--", "rsync", "--server", "--sender", ".", s.root + "/.part/x"}, {d, "agent", "exec", "a", "--", "rsync", "--server", ".", s.root + "/.part/../../x"}} {
		var said ssh.Tail
		cmd := s.options.Host.Command(t.Context(), bad...)
		cmd.Stderr = &said
		if err := ssh.Run(t.Context(), cmd); ssh.ExitCode(err) != 1 || !strings.Contains(said.String(), "agent only") {
			t.Errorf("%q: %v, %s", bad, err, said.String())
		}
	}
}

// kill: nothing of an attempt runs when Kill returns, and nothing when the connection breaks.
func kill(t *testing.T, s *site) {
	for name, end := range map[string]func(a storage.Attempt) error{
		"killed": func(a storage.Attempt) error { return s.far.Kill(t.Context(), a) },
		"cut": func(storage.Attempt) error {
			s.Break()
			return nil
		},
	} {
		a := storagetest.NewAttempt()
		path := filepath.Join(t.TempDir(), "written")
		script := filepath.Join(t.TempDir(), "writer")
		// It does not listen, leaves its session and goes on writing.
		text := "#!/bin/sh\ntrap '' TERM HUP PIPE\nsetsid sh -c 'trap \"\" TERM HUP; while :; do echo x >>" + path + "; sleep 0.01; done' &\nwait\n"
		executable.Write(t, script, text)
		p, err := ssh.Start(s.options.Host.Command(t.Context(), s.options.Program, "agent", "exec", a.Name(), "--", script))
		if err != nil {
			t.Fatal(err)
		}
		storagetest.Await(t, "the program writes", func() bool { return size(path) > 0 })
		if err := end(a); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "cut" { // the agent finds out by itself
			storagetest.Await(t, "the program has ended", func() bool { return len(storagetest.Busy(path)) == 0 })
		}
		if pids := storagetest.Busy(path); len(pids) > 0 {
			t.Errorf("%s: processes %v go on", name, pids)
		}
		_ = p.Wait()
	}
}
