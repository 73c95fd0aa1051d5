package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ccatobs/cdt/opsdb"
)

// Serve takes the lock that only one serving process may hold; other processes
// may go on reading and writing. The error wraps opsdb.ErrLocked and names the
// holder if another one has it. The lock goes with the process, however it ends.
func (s *Store) Serve(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.path+".serve", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("take the serve lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		held := holder(f)
		err = errors.Join(err, f.Close())
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", opsdb.ErrLocked, held)
		}
		return nil, fmt.Errorf("take the serve lock: %w", err)
	}
	if err := sign(f); err != nil {
		return nil, errors.Join(fmt.Errorf("sign the serve lock: %w", err), f.Close())
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			_ = f.Truncate(0)
			_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // a child that was just forked may still have the file open
			_ = f.Close()
		})
	}, nil
}

// sign writes who holds the lock, for people.
func sign(f *os.File) error {
	host, _ := os.Hostname()
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0)
	return err
}

func holder(f *os.File) string {
	b := make([]byte, 200)
	n, _ := f.ReadAt(b, 0)
	if s := strings.TrimSpace(string(b[:n])); s != "" {
		return s
	}
	return "its holder has not signed yet"
}
