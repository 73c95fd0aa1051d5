package testserver

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// owner is an empty file in a folder that the process of its test has locked: a lock ends with the process, however that ends, and is the
// same to all that see the folder. Nobody else calls a file so.
const owner = ".cdt-testserver"

// own marks a folder as in use until f is closed or this process is gone. The mark has its name only when it is locked: nobody finds it before.
func own(dir string) (f *os.File, err error) {
	unnamed := filepath.Join(dir, owner+".new")
	f, err = os.OpenFile(unnamed, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err = errors.Join(lock(f), os.Rename(unnamed, filepath.Join(dir, owner))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor is small
}

// sweep removes the folders in another one that tests of this user left there when they were killed. Those in use stay, and those without a mark.
func sweep(in string) error {
	marks, err := filepath.Glob(filepath.Join(in, "cdt-*", owner))
	for _, mark := range marks {
		err = errors.Join(err, sweepOne(mark))
	}
	return err
}

func sweepOne(mark string) error {
	f, err := os.OpenFile(mark, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil //nolint:nilerr // gone, or another user's
	}
	defer f.Close() //nolint:errcheck // nothing is written
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	if !opened.Mode().IsRegular() || opened.Size() > 0 {
		return nil // not by own
	}
	if s, ok := opened.Sys().(*syscall.Stat_t); !ok || int(s.Uid) != os.Geteuid() || lock(f) != nil {
		return nil
	}
	if now, err := os.Lstat(mark); err != nil || !os.SameFile(opened, now) {
		return nil //nolint:nilerr // somebody was faster
	}
	return os.RemoveAll(filepath.Dir(mark))
}
