package builtin

import (
	"context"
	"errors"
	"fmt"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// finding is what a copy turned out to be when it was read back.
type finding struct {
	good    bool
	reading storage.Reading
	reason  string // why it is not good
	lost    bool   // it is not there at all
}

// examine reads a copy from its medium. Before its data are blamed they are
// read a second time. An error means that nothing was found out.
func (r *run) examine(ctx context.Context, st storage.Storage, path string) (finding, error) {
	f, err := r.look(ctx, st, path)
	if err != nil || f.good {
		return f, err
	}
	again, err := r.look(ctx, st, path)
	if err != nil || !again.lost {
		return again, err
	}
	// Not there: is the location itself whole?
	if _, err := st.Check(ctx); err != nil {
		return finding{}, r.failed(ctx, st.Location(), "look for "+path, err)
	}
	return again, nil
}

// look is one reading.
func (r *run) look(ctx context.Context, st storage.Storage, path string) (finding, error) {
	want := r.want()
	got, err := st.Read(ctx, path, true, r.progress())
	switch {
	case err == nil && got.Digest == want.Digest && got.Size == want.Size:
		return finding{good: true, reading: got}, nil
	case err == nil:
		return finding{reading: got, reason: fmt.Sprintf("read back %d bytes with digest %s, recorded are %d with %s", got.Size, got.Digest, want.Size, want.Digest)}, nil
	case missing(err):
		return finding{lost: true, reason: "it is not there"}, nil
	case ctx.Err() == nil && unreadable(err):
		return finding{reason: err.Error()}, nil
	}
	return finding{}, r.failed(ctx, st.Location(), "read back "+path, err)
}

// corrupt is the fact that a copy is not what was recorded. Outside archives
// the copy is moved to .quarantine, so that its name is free for the repair; in an archive it stays (S3, S4).
// So it does at another site, whose workers alone move copies: the repair gets a name beside it.
func (r *run) corrupt(ctx context.Context, st storage.Storage, c opsdb.Copy, typ opsdb.LocationType, f finding) (opsdb.Outcome, error) {
	out := opsdb.Outcome{Corrupt: &opsdb.Corrupt{Copy: c.ID, Reason: f.reason, Lost: f.lost}}
	if f.reading.Digest != "" {
		out.Receipts = []opsdb.Receipt{r.receipt(c.Location, c.Path, f.reading)}
	}
	if f.lost || typ == opsdb.Archive || typ == "" {
		return out, nil
	}
	moved, err := st.Quarantine(ctx, c.Path, r.attempt())
	if errors.Is(err, storage.ErrElsewhere) {
		return out, nil
	}
	if err != nil && !missing(err) {
		return out, r.failed(ctx, c.Location, "quarantine "+c.Path, err)
	}
	out.Corrupt.MovedTo = moved
	return out, nil
}

// blameSource reads the source copy after bytes from it were found wrong. If it is corrupt or lost, that is
// the outcome; if it is whole, cause is what failed.
func (r *run) blameSource(ctx context.Context, st storage.Storage, c opsdb.Copy, cause error) (opsdb.Outcome, error) {
	f, err := r.examine(ctx, st, c.Path)
	if err != nil {
		return opsdb.Outcome{}, err
	}
	if f.good {
		return opsdb.Outcome{Receipts: []opsdb.Receipt{r.receipt(c.Location, c.Path, f.reading)}}, cause
	}
	return r.corrupt(ctx, st, c, r.a.FromType, f)
}
