package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Original is one file as it was taken: what its member must be in every archive.
type Original struct {
	Path    string // relative to its source location; any bytes
	Size    int64
	Digest  opsdb.Digest
	ModTime time.Time // with nanoseconds
}

// Take reads every regular file below root. It is called before anything is
// moved, on the data as a person gave them; CDT's own names in the root, and
// what is not a regular file, are left out.
func Take(ctx context.Context, root string) ([]Original, error) {
	var out []Original
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && ours(rel) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() || ours(rel) {
			return ctx.Err()
		}
		o, err := takeFile(ctx, path)
		o.Path = rel
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take the originals below %s: %w", root, err)
	}
	return out, nil
}

// ours reports whether a path relative to a root is one of CDT's own names.
func ours(rel string) bool {
	switch rel {
	case opsdb.MarkerName, opsdb.PartDir, opsdb.TrashDir, opsdb.QuarantineDir:
		return true
	}
	return false
}

func takeFile(ctx context.Context, path string) (Original, error) {
	f, err := os.Open(path)
	if err != nil {
		return Original{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Original{}, err
	}
	digest, size, err := digestOf(ctx, f)
	return Original{Size: size, Digest: digest, ModTime: info.ModTime()}, err
}

// digestOf reads r to its end.
func digestOf(ctx context.Context, r io.Reader) (opsdb.Digest, int64, error) {
	h := sha256.New()
	n, err := io.CopyBuffer(h, &cancelable{ctx, r}, make([]byte, 1<<20))
	return hexDigest(h.Sum(nil)), n, err
}

func hexDigest(sum []byte) opsdb.Digest { return opsdb.Digest(hex.EncodeToString(sum)) }

// cancelable ends a read when its context does.
type cancelable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
