package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/sim"
)

// copyData copies the regular files below data into root, with their times,
// and returns what was taken and what could not be. data is only read.
func copyData(ctx context.Context, data, root string, copied *atomic.Int64) ([]check.Original, []skipJSON, error) {
	var taken []check.Original
	var skipped []skipJSON
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(data, path)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case relErr != nil:
			return relErr
		case err != nil && path == data:
			return err
		case err != nil:
			skipped = append(skipped, skipJSON{opsdb.ShowPath(rel), err.Error()})
			return nil //nolint:nilerr // it is told as skipped, with its reason
		case isOurs(rel):
			skipped = append(skipped, skipJSON{opsdb.ShowPath(rel), "CDT keeps this name at the root of a location for itself"})
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			skipped = append(skipped, skipJSON{opsdb.ShowPath(rel), "not a regular file: " + kindOf(d.Type())})
			return nil
		}
		o, err := copyFile(path, filepath.Join(root, rel))
		var full *os.PathError
		switch {
		case err == nil:
			o.Path = rel
			taken = append(taken, o)
			copied.Add(o.Size)
		case errors.As(err, &full) && full.Path == path || errors.Is(err, errMoved):
			skipped = append(skipped, skipJSON{opsdb.ShowPath(rel), err.Error()})
		default:
			return err
		}
		return nil
	})
	return taken, skipped, err
}

// isOurs reports whether CDT itself uses a name at the root of every location.
func isOurs(rel string) bool {
	switch rel {
	case opsdb.MarkerName, opsdb.PartDir, opsdb.TrashDir, opsdb.QuarantineDir:
		return true
	}
	return false
}

// errMoved says that a file changed while it was being copied.
var errMoved = errors.New("it changed while it was being copied")

// copyFile copies one file with its modification time and digests what it copied.
func copyFile(from, to string) (o check.Original, err error) {
	src, err := os.Open(from) //nolint:gosec // the user names the folder
	if err != nil {
		return o, err
	}
	defer src.Close() //nolint:errcheck // read only
	before, err := src.Stat()
	if err != nil {
		return o, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return o, err
	}
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return o, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, h), src)
	if err := errors.Join(err, dst.Close()); err != nil {
		return o, errors.Join(err, os.Remove(to))
	}
	after, err := src.Stat()
	if err != nil {
		return o, err
	}
	if n != before.Size() || !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size() {
		return o, errors.Join(errMoved, os.Remove(to))
	}
	o = check.Original{Size: n, ModTime: before.ModTime(), Digest: opsdb.Digest(hex.EncodeToString(h.Sum(nil)))}
	return o, os.Chtimes(to, o.ModTime, o.ModTime)
}

// kindOf names the kind of what is not a regular file.
func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symlink"
	case m&fs.ModeNamedPipe != 0:
		return "fifo"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "other"
}

// A plan for made-up observations: one every forty minutes, of three modules,
// whose files hold a minute or so of data. The shares are those of a night:
// most bytes in few large science files, many small housekeeping ones.
const (
	demoSeed    = 20261121
	scienceFile = 8_000_000 // bytes, at most
	houseFile   = 40_000    // bytes, at most
)

// makeData makes observations of about size bytes in all source folders.
func makeData(ctx context.Context, folders map[string]string, names []string, size int64, now time.Time, count *atomic.Int64) (map[string][]check.Original, error) {
	r := rand.New(rand.NewPCG(demoSeed, 0)) //nolint:gosec // repeatable on purpose
	made := map[string][]check.Original{}
	night := now.Add(-10 * time.Hour).Truncate(time.Minute)
	for obs, left := 0, size; left > 0; obs++ {
		location := names[obs%len(names)]
		start := night.Add(time.Duration(obs) * 40 * time.Minute)
		for file := 0; file < 24 && left > 0; file++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n := scienceFile/2 + r.Int64N(scienceFile/2)
			ext := "fits"
			if file%3 == 2 {
				n, ext = houseFile/2+r.Int64N(houseFile/2), "hk"
			}
			n = min(n, left)
			left -= n
			rel := filepath.Join(fmt.Sprintf("obs%04d", obs+1), fmt.Sprintf("m%d", file%3+1), fmt.Sprintf("%s_%02d.%s", start.Format("20060102T150405"), file, ext))
			o, err := sim.MakeFile(filepath.Join(folders[location], rel), n, start.Add(time.Duration(file)*time.Minute+time.Duration(r.Int64N(1e9))), r)
			if err != nil {
				return nil, err
			}
			o.Path = rel
			made[location] = append(made[location], o)
			count.Add(n)
		}
	}
	return made, nil
}
