package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/config"
	"github.com/ccatobs/cdt/node"
	"github.com/ccatobs/cdt/worker"
)

// mostWorkers is how many workers of the same sites may share one folder of journals.
const mostWorkers = 64

// ownJournal opens a journal in folder that no other living process has: the
// first free one, so that a process that is started again finds what its
// predecessor left. release gives it back; it goes with the process too.
func ownJournal(folder string, sites []string) (j *worker.Journal, release func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, nil, hint(fmt.Errorf("make the folder for journals: %w", err), "give --state or CDT_STATE a folder this user may write to")
	}
	base := filepath.Join(folder, "work-"+strings.Join(sites, "+"))
	for n := 1; n <= mostWorkers; n++ {
		path := fmt.Sprintf("%s-%d.journal", base, n)
		lock, err := locked(path + ".lock")
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("lock the journal %s: %w", path, err)
		}
		j, err := worker.OpenJournal(path)
		if err != nil {
			return nil, nil, errors.Join(err, lock.Close())
		}
		return j, func() { unlock(lock) }, nil
	}
	return nil, nil, misuse("give each its own --state", "%d workers of these sites use the folder %s already", mostWorkers, folder)
}

// memoryOf opens what is kept in folder of how far a database was seen; processes that share the folder share it.
func memoryOf(folder, db string) (*node.Memory, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, hint(fmt.Errorf("make the folder for what was seen of the database: %w", err), "give --state or CDT_STATE a folder this user may write to")
	}
	sum := sha256.Sum256([]byte(config.Address(db)))
	return node.OpenMemory(filepath.Join(folder, "seen-"+hex.EncodeToString(sum[:6])+".json"))
}

// unlock gives the lock back at once, even while a child that was just forked
// still has the file open.
func unlock(f *os.File) {
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	_ = f.Close()
}

// locked opens a file and takes its lock, which goes with the file.
func locked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in the folder a person named
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
