package remote_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/testserver/executable"
	"github.com/ccatobs/cdt/transport/ssh"
)

// said is a disk behind an agent that is a script in ssh's place: it greets, hears the first request and says the rest.
func said(t *testing.T, rest string) *remote.Disk {
	t.Helper()
	script := filepath.Join(t.TempDir(), "ssh")
	text := "#!/bin/sh\n" + `echo '{"cdt_agent":1,"version":"v1","host":"h","pid":1}'` + "\nread -r request\n" + rest + "\n"
	executable.Write(t, script, text)
	agent := remote.NewAgent(remote.Options{Link: "ccat>cologne", Host: ssh.Host{Name: "h", Program: script}})
	t.Cleanup(agent.Close)
	return remote.NewDisk(agent, remote.Place{Location: "cologne.buffer", Root: "/data", Marker: opsdb.NewID()})
}

// An answer without an end is not taken into memory: the link is given up.
func TestAnAnswerWithoutAnEnd(t *testing.T) {
	t.Parallel()
	d := said(t, `printf '{"id":1,"last":true,"text":"'; exec tr '\0' a < /dev/zero`)
	_, err := d.PartPath(t.Context(), storage.Attempt{Task: opsdb.NewID(), Epoch: "e", Token: 1})
	if f := stages.FailureOf(err); !errors.Is(err, storage.ErrUnreachable) || f.Subject != "link:ccat>cologne" || !strings.Contains(f.Text, "too long") {
		t.Errorf("%+v, %v", f, err)
	}
}

// Who opened a place is told that it carries another marker, so that it can be opened anew with the one it has now.
func TestAForeignPlaceIsTold(t *testing.T) {
	t.Parallel()
	d := said(t, `echo '{"id":1,"last":true,"fault":{"kinds":["foreign"],"text":"another marker"}}'; read -r more`)
	told := 0
	d.Foreign = func() { told++ }
	if _, err := d.Stat(t.Context(), "p.tar"); !errors.Is(err, storage.ErrForeign) || told != 1 {
		t.Errorf("told %d times, %v", told, err)
	}
}
