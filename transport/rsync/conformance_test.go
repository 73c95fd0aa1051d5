//go:build servers

package rsync

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/storage/remote"
	"github.com/ccatobs/cdt/testserver"
	"github.com/ccatobs/cdt/transport/ssh"
	"github.com/ccatobs/cdt/transport/transporttest"
)

const (
	segment   = 1000 // bytes
	lookOften = 50 * time.Millisecond
)

// link is a host with an sshd, at the other end of a link.
type link struct {
	*testserver.SSHServer
	options Options
}

func newLink(t *testing.T, dtctl string) link {
	t.Helper()
	l := link{SSHServer: testserver.SSH(t)}
	host := ssh.Host{Name: l.Host, Port: l.Port, User: l.User, Key: l.Key, KnownHosts: l.KnownHosts}
	l.options = Options{Link: "ccat>cologne", Host: host, Agent: dtctl, SegmentSize: segment, Look: lookOften}
	return l
}

// newDisk makes a location on this host.
func newDisk(t *testing.T, location, root string) (*disk.Disk, opsdb.ID) {
	t.Helper()
	d, err := disk.New(location, root, disk.Options{SegmentSize: segment})
	if err != nil {
		t.Fatal(err)
	}
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: location}
	if err := d.Init(t.Context(), m, false); err != nil {
		t.Fatal(err)
	}
	return d, m.ID
}

// far makes a location at the other end, as the agent shows it.
func (l link) far(t *testing.T, location, root string) *remote.Disk {
	t.Helper()
	_, marker := newDisk(t, location, root)
	agent := remote.NewAgent(remote.Options{Link: l.options.Link, Host: l.options.Host, Program: l.options.Agent})
	t.Cleanup(agent.Close)
	return remote.NewDisk(agent, remote.Place{Location: location, Root: root, Marker: marker, Segment: segment})
}

func (l link) transport(t *testing.T) *Transport {
	t.Helper()
	tr, err := New(l.options)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func (l link) way(t *testing.T) transporttest.Way {
	source, _ := newDisk(t, "ccat.buffer", filepath.Join(t.TempDir(), "root"))
	return transporttest.Way{Transport: l.transport(t), Source: source, Target: l.far(t, "cologne.buffer", filepath.Join(t.TempDir(), "root")), SegmentSize: segment}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	l := newLink(t, testserver.Program(t, "github.com/ccatobs/cdt/cmd/dtctl"))
	transporttest.Run(t, l.way)
}

// mustDisk opens a location that has its marker.
func mustDisk(t *testing.T, root string) *disk.Disk {
	t.Helper()
	d, err := disk.New("cologne.buffer", root, disk.Options{SegmentSize: segment})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
