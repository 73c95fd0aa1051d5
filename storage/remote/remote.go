// Package remote is a disk location at another site, reached over ssh: the
// client of `dtctl agent`, and that agent's other half ([Serve]).
//
// A [Disk] is what a transport's driver needs of the place at the other end of its
// link: looking, reading, part files. What changes a copy (Put, Trash, Quarantine, …) is
// for the workers of that site alone, and is a permanent error here. Nothing
// is kept open there: every operation looks at the marker first (S9) and leaves no
// root (S10), because at the other end it is carried out by storage/disk.
//
// It imports storage, stages (for classified errors), opsdb and transport/ssh.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/storage"
)

// Disk is a disk location at the host of an agent. It is safe for concurrent use.
type Disk struct {
	agent *Agent
	place Place
	// Foreign, if set, is told that the root carries another marker than the place says: the place may be out
	// of date. It must be quick. To be set before the first use.
	Foreign func()
}

// Disk is all of these.
var (
	_ storage.Storage   = (*Disk)(nil)
	_ storage.Receiver  = (*Disk)(nil)
	_ storage.PartSizer = (*Disk)(nil)
)

// NewDisk returns a location at the agent's host. Nothing is looked at before the first call.
func NewDisk(agent *Agent, p Place) *Disk { return &Disk{agent: agent, place: p} }

// Location implements [storage.Storage].
func (d *Disk) Location() string { return d.place.Location }

// Kill ends every process of an attempt at the other end; when it has returned nil, none runs.
func (d *Disk) Kill(ctx context.Context, a storage.Attempt) error { return d.agent.Kill(ctx, a) }

func (d *Disk) ask(ctx context.Context, r request, progress storage.Progress) (answer, error) {
	r.Place = &d.place
	a, err := d.agent.call(ctx, r, func(a answer) {
		if progress != nil && a.Phase != "" {
			progress(a.Phase, a.N)
		}
	})
	if d.Foreign != nil && errors.Is(err, storage.ErrForeign) {
		d.Foreign()
	}
	return a, err
}

// Check implements [storage.Storage].
func (d *Disk) Check(ctx context.Context) (storage.Health, error) {
	a, err := d.ask(ctx, request{Op: opCheck}, nil)
	if err != nil || a.Health == nil {
		return storage.Health{Free: -1}, err
	}
	return *a.Health, nil
}

// Stat implements [storage.Storage].
func (d *Disk) Stat(ctx context.Context, path string) (storage.Info, error) {
	a, err := d.ask(ctx, request{Op: opStat, Path: path}, nil)
	if err != nil || len(a.Infos) == 0 {
		return storage.Info{}, err
	}
	return a.Infos[0].plain(), nil
}

// Open implements [storage.Storage]. It is for small things: the bytes come through the agent.
func (d *Disk) Open(ctx context.Context, path string, offset, length int64) (io.ReadCloser, error) {
	if _, err := d.ask(ctx, request{Op: opBytes, Path: path, Offset: offset}, nil); err != nil {
		return nil, err
	}
	return &reader{disk: d, ctx: ctx, path: path, at: offset, left: length}, nil
}

// reader asks for one stretch after the other.
type reader struct {
	disk     *Disk
	ctx      context.Context
	path     string
	at, left int64 // left < 0: to the end
	have     []byte
}

func (r *reader) Read(p []byte) (int, error) {
	if len(r.have) == 0 {
		want := int64(mostBytes)
		if r.left >= 0 {
			want = min(want, r.left)
		}
		if want == 0 {
			return 0, io.EOF
		}
		a, err := r.disk.ask(r.ctx, request{Op: opBytes, Path: r.path, Offset: r.at, Length: want}, nil)
		if err != nil {
			return 0, err
		}
		if len(a.Data) == 0 {
			return 0, io.EOF
		}
		r.have, r.at = a.Data, r.at+int64(len(a.Data))
		if r.left >= 0 {
			r.left -= int64(len(a.Data))
		}
	}
	n := copy(p, r.have)
	r.have = r.have[n:]
	return n, nil
}

func (r *reader) Close() error { return nil }

// Read implements [storage.Storage].
func (d *Disk) Read(ctx context.Context, path string, medium bool, progress storage.Progress) (storage.Reading, error) {
	return reading(d.ask(ctx, request{Op: opRead, Path: path, Medium: medium}, progress))
}

func reading(a answer, err error) (storage.Reading, error) {
	if err != nil || a.Reading == nil {
		return storage.Reading{}, err
	}
	return *a.Reading, nil
}

// List implements [storage.Storage].
func (d *Disk) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		over := false
		_, err := d.agent.stream(ctx, request{Op: opList, Place: &d.place, Path: prefix}, func(a answer, more func()) {
			for _, i := range a.Infos {
				if over = over || !yield(i.plain(), nil); over {
					cancel()
					return
				}
			}
			more()
		})
		if err != nil && !over {
			yield(storage.Info{Path: prefix}, err)
		}
	}
}

// Leftovers implements [storage.Storage].
func (d *Disk) Leftovers(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	a, err := d.ask(ctx, request{Op: opLeft, Task: task}, nil)
	return a.Attempts, err
}

// Trashed implements [storage.Storage].
func (d *Disk) Trashed(ctx context.Context, task opsdb.ID) ([]storage.Attempt, error) {
	a, err := d.ask(ctx, request{Op: opTrashed, Task: task}, nil)
	return a.Attempts, err
}

// Discard implements [storage.Storage].
func (d *Disk) Discard(ctx context.Context, a storage.Attempt) error {
	_, err := d.ask(ctx, request{Op: opDiscard, Attempt: &a}, nil)
	return err
}

// PartPath implements [storage.Receiver]. It is a path at the other end.
func (d *Disk) PartPath(ctx context.Context, a storage.Attempt) (string, error) {
	got, err := d.ask(ctx, request{Op: opPartPath, Attempt: &a}, nil)
	return got.Text, err
}

// AbsPath implements [storage.Receiver]. It is a path at the other end.
func (d *Disk) AbsPath(ctx context.Context, path string) (string, error) {
	got, err := d.ask(ctx, request{Op: opAbsPath, Path: path}, nil)
	return got.Text, err
}

// PartSize implements [storage.PartSizer].
func (d *Disk) PartSize(ctx context.Context, a storage.Attempt) (int64, error) {
	got, err := d.ask(ctx, request{Op: opPartSize, Attempt: &a}, nil)
	return got.N, err
}

// ReadPart implements [storage.Receiver].
func (d *Disk) ReadPart(ctx context.Context, a storage.Attempt, progress storage.Progress) (storage.Reading, error) {
	return reading(d.ask(ctx, request{Op: opReadPart, Attempt: &a}, progress))
}

// CopyPart implements [storage.Receiver].
func (d *Disk) CopyPart(ctx context.Context, from, to storage.Attempt, n int64) error {
	_, err := d.ask(ctx, request{Op: opCopyPart, From: &from, Attempt: &to, Length: n}, nil)
	return err
}

// Settle implements [storage.Receiver].
func (d *Disk) Settle(ctx context.Context, a storage.Attempt, path string, want storage.Expect, progress storage.Progress) (storage.Reading, error) {
	return reading(d.ask(ctx, request{Op: opSettle, Attempt: &a, Path: path, Want: &want}, progress))
}

func (d *Disk) elsewhere(what string) error {
	return stages.Permanent(fmt.Errorf("%s at %s: %w", what, d.place.Location, storage.ErrElsewhere))
}

// Init implements [storage.Storage]: it is refused, as all that follow.
func (d *Disk) Init(context.Context, opsdb.Marker, bool) error { return d.elsewhere("initialise") }

// Put is refused.
func (d *Disk) Put(context.Context, storage.Put) (storage.Reading, error) {
	return storage.Reading{}, d.elsewhere("put")
}

// PutSmall is refused.
func (d *Disk) PutSmall(context.Context, storage.Attempt, string, []byte) error {
	return d.elsewhere("put")
}

// Quarantine is refused.
func (d *Disk) Quarantine(context.Context, string, storage.Attempt) (string, error) {
	return "", d.elsewhere("quarantine")
}

// Trash is refused.
func (d *Disk) Trash(context.Context, string, storage.Attempt) error { return d.elsewhere("trash") }

// Held is refused.
func (d *Disk) Held(context.Context, storage.Attempt) (storage.Info, error) {
	return storage.Info{}, d.elsewhere("look into the trash")
}

// Restore is refused.
func (d *Disk) Restore(context.Context, storage.Attempt, string) error { return d.elsewhere("restore") }

// Purge is refused.
func (d *Disk) Purge(context.Context, storage.Attempt) error { return d.elsewhere("purge") }

// Reclaim is refused.
func (d *Disk) Reclaim(context.Context, time.Duration, func(storage.Attempt) bool) (int, error) {
	return 0, d.elsewhere("reclaim")
}
