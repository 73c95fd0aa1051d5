package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
)

// MakeFile writes a new file of n bytes that do not compress, as r has them, and
// returns what the telescope knows of it; its Path is the caller's. Folders are made as needed.
func MakeFile(path string, n int64, at time.Time, r *rand.Rand) (o check.Original, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return o, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // below the caller's own root
	if err != nil {
		return o, err
	}
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(r.Uint32())
	}
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8(seed), n)
	if err := errors.Join(err, f.Close()); err != nil {
		return o, err
	}
	o = check.Original{Size: n, ModTime: at, Digest: opsdb.Digest(hex.EncodeToString(h.Sum(nil)))}
	return o, os.Chtimes(path, at, at)
}
