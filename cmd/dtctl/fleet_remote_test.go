//go:build servers

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
	"github.com/ccatobs/cdt/testserver/executable"
)

// overSSH makes every link of the routes one by rsync to an sshd.
func overSSH(t *testing.T, s *testserver.SSHServer, routes string) string {
	t.Helper()
	agent, err := exec.LookPath("dtctl")
	if err != nil {
		t.Fatal(err)
	}
	far := fmt.Sprintf("transport: rsync, rsync: {host: %s, port: %d, user: %s, key: %s, known_hosts: %s, agent: %s}", s.Host, s.Port, s.User, s.Key, s.KnownHosts, agent)
	return strings.ReplaceAll(routes, "transport: local", far)
}

// alone makes a program that is dtctl on a host that has the folders of one
// site: those of the others are empty there.
func (f *fleet) alone(site string) string {
	f.t.Helper()
	testserver.Need(f.t, "unshare", "util-linux")
	hide := "true"
	for _, other := range []string{"ccat", "cologne", "cornell"} {
		if other != site {
			hide += " && mount -t tmpfs -o ro none " + filepath.Join(f.root, other)
		}
	}
	path := filepath.Join(f.root, "dtctl-of-"+site)
	text := "#!/bin/sh\nexec unshare --mount sh -c '" + hide + ` && exec dtctl "$@"' dtctl "$@"` + "\n"
	executable.Write(f.t, path, text)
	return path
}

// Three workers, none of which sees the disks of another site, send by rsync
// over ssh; connections are cut now and then.
func TestThreeSitesOverSSH(t *testing.T) {
	t.Parallel()
	total := sizeFrom(t, "CDT_FLEET_BYTES", 40_000_000)
	s := testserver.SSH(t)
	f := newFleetOf(t, testserver.Postgres(t), t.TempDir(), overSSH(t, s, strings.ReplaceAll(fleetRoutes, "MAX", "MB(8)")))
	engine := f.engine()
	engine.waitFor(`"msg":"serving"`)
	f.initialise()
	var workers []*served
	for _, site := range []string{"ccat", "cologne", "cornell"} {
		f.program = f.alone(site)
		w := f.worker(site)
		w.waitFor(`"msg":"working"`)
		workers = append(workers, w)
	}
	f.program = ""
	f.fill("obs1", total, 8_000_000, rand.New(rand.NewPCG(8, 0))) //nolint:gosec // repeatable on purpose
	f.until("something is sent", time.Minute, f.sending)
	s.Break()
	f.until("everything is archived and cleaned up", 4*time.Minute+time.Duration(total/5_000_000)*time.Second, f.finished)
	for _, w := range append(workers, engine) {
		w.stop()
	}
	f.check()
	if n := strings.Count(s.Log(), "Accepted publickey"); n == 0 {
		t.Error("nothing went over ssh")
	}
}

// sending reports whether a transfer over a link is under way.
func (f *fleet) sending(ctx context.Context, s looker) (bool, error) {
	tasks, err := s.Tasks(ctx, opsdb.Query{State: string(opsdb.TaskInProgress)})
	for _, task := range tasks {
		if task.Link != "" && task.Piece == opsdb.Send {
			return true, err
		}
	}
	return false, err
}

// The doctor of a site looks at its links: what is wrong at the other end is told with what to do.
func TestDoctorOfLinks(t *testing.T) {
	t.Parallel()
	s := testserver.SSH(t)
	f := newFleetOf(t, testserver.Postgres(t), t.TempDir(), overSSH(t, s, strings.ReplaceAll(fleetRoutes, "MAX", "MB(8)")))
	f.engine().waitFor(`"msg":"serving"`)
	f.initialise()
	says := func(name string, want ...string) {
		t.Helper()
		out, _ := dtctl(t, exitFound, "doctor", "--db", f.url, "--site", "ccat", "--state", t.TempDir()) // no workers run
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: the doctor does not say %q:\n%s", name, w, out)
			}
		}
	}
	testserver.PostgresExec(t, f.url, `UPDATE link SET down_reason = 'breaker', down_text = 'no route to host', down_since = now(), down_until = now() + interval '1 minute', pause = 60000000 WHERE name = 'ccat>cologne'`)
	says("its breaker is open still", "ssh reaches 127.0.0.1", "it is still taken to be down since", "no route to host", "one package tries it again at")
	testserver.PostgresExec(t, f.url, `UPDATE link SET down_reason = NULL, down_text = NULL, down_since = NULL, down_until = NULL, pause = 0 WHERE name = 'ccat>cologne'`)
	says("all is well", "ssh reaches 127.0.0.1", "whose key is the known one", "rsync is at both ends: rsync ", "cologne/buffer at the other end has its marker and can be written")
	s.ShutOut()
	says("login refused", "Permission denied (publickey)", "-> put the link's public key into authorized_keys")
	s.LetIn("")
	s.Stop()
	s.OtherHostKey()
	s.Start()
	says("another host key", "-> compare the host's key with the one its administrator names")
	s.Know()
	if err := os.Rename(filepath.Join(f.root, "cologne"), filepath.Join(f.root, "unmounted")); err != nil {
		t.Fatal(err)
	}
	says("no disk", "location is offline", "-> is its disk mounted at")
	s.Stop()
	says("no sshd", "Connection refused", "-> look whether sshd runs at that host")
}
