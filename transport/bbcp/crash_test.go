package bbcp

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/storage/disk"
	"github.com/ccatobs/cdt/testserver/executable"
	"github.com/ccatobs/cdt/transport"
)

// diskWithMarker is a disk that was initialised.
func diskWithMarker(t *testing.T, location string) *disk.Disk {
	t.Helper()
	m := opsdb.Marker{Version: opsdb.FormatVersion, ID: opsdb.NewID(), Location: location}
	d, err := disk.New(location, t.TempDir(), disk.Options{Marker: m.ID, Clock: clock.System{}})
	if err == nil {
		err = d.Init(t.Context(), m, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestACrashSaysWhatToDo: bbcp crashes where it cannot find the name of its own host; who reads that is told so, and
// told nothing of the kind where the name is known.
func TestACrashSaysWhatToDo(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "bbcp")
	executable.Write(t, program, "#!/bin/sh\nkill -SEGV $$\n")
	unknown := func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	known := func(context.Context, string) ([]string, error) { return []string{"127.0.1.1"}, nil }
	for name, c := range map[string]struct {
		lookup   func(context.Context, string) ([]string, error)
		standing *Standing
		class    opsdb.FailureClass
		reason   string
		says     string
	}{
		"its name is unknown":                        {unknown, nil, opsdb.BadConfig, "own_name", "enter it into /etc/hosts"},
		"its name is unknown to a call that stays":   {unknown, &Standing{}, opsdb.BadConfig, "own_name", "enter it into /etc/hosts"},
		"its name is known: something else, perhaps": {known, nil, opsdb.Transient, "", "segmentation fault"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.standing != nil {
				t.Cleanup(c.standing.Close)
			}
			tr, err := New(Options{Link: "ccat>cologne", Program: program, Standing: c.standing, lookup: c.lookup})
			if err != nil {
				t.Fatal(err)
			}
			from, to := diskWithMarker(t, "ccat.buffer"), diskWithMarker(t, "cologne.buffer")
			if err := from.PutSmall(t.Context(), storage.Attempt{Task: opsdb.NewID(), Epoch: "e", Token: 1}, "p.tar", []byte("bytes")); err != nil {
				t.Fatal(err)
			}
			it := transport.Item{Source: from, Path: "p.tar", Target: to, Size: 5, Attempt: storage.Attempt{Task: opsdb.NewID(), Epoch: "e", Token: 1}}
			err = tr.Send(t.Context(), []transport.Item{it}, nil)[0]
			if f := stages.FailureOf(err); f.Class != c.class || f.Reason != c.reason || !strings.Contains(f.Text, c.says) {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}
