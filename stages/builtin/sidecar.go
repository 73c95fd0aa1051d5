package builtin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// sidecarName is the name beside a package's tar.
func sidecarName(path string) string { return strings.TrimSuffix(path, bag.MediaSuffix) + ".json" }

// sidecar writes the sidecar of an archived package with the receipts known
// now. One that is there stays as it is: it was written by an attempt that was cut off later.
func (r *run) sidecar(ctx context.Context, st storage.Storage, path string, receipt opsdb.Receipt) error {
	name := sidecarName(path)
	if _, err := st.Stat(ctx, name); err == nil || !missing(err) {
		return err
	}
	members, err := r.frozen(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = members.Close() }()
	head := bag.NewSidecar(r.a.Package, st.Location(), path, append(slices.Clone(r.a.Receipts), receipt))
	sum, size := sha256.New(), counter(0)
	r.Phase(recording, 0)
	_, err = st.Put(ctx, storage.Put{
		Attempt: r.attempt(), Path: name, Progress: func(_ string, n int64) { r.Moved(n) },
		Write: func(w io.Writer) error {
			return bag.WriteSidecar(io.MultiWriter(w, sum, &size), head, members.all())
		},
		Expect: func() storage.Expect {
			return storage.Expect{Digest: opsdb.Digest(hex.EncodeToString(sum.Sum(nil))), Size: int64(size)}
		},
	})
	if errors.Is(err, fs.ErrExist) {
		return nil // another attempt was quicker
	}
	return err
}

// counter counts bytes.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
