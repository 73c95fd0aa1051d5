package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// Memory is how far a process has seen the database, kept in a file that
// outlives both: by it a database that was put back is recognised (S8).
// Without a file it ends with the process. Processes of one host may share it.
type Memory struct {
	path string

	mu   sync.Mutex
	seen opsdb.Seen
}

// OpenMemory reads what is kept in a file; one that is not there knows nothing.
// A file that cannot be read is an error: without it nobody can tell.
func OpenMemory(path string) (*Memory, error) {
	m := &Memory{path: path}
	b, err := os.ReadFile(path) //nolint:gosec // in the folder a person named
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m.seen)
	}
	if err != nil {
		return nil, fmt.Errorf("read how far the database was seen, from %s: %w", path, err)
	}
	return m, nil
}

// Look holds the database against what was seen, and keeps how far it is now.
// A database that was put back is marked so by this: afterwards nothing is deleted or packed.
func (m *Memory) Look(ctx context.Context, s opsdb.Restoring, who string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, err := s.Recognise(ctx, m.seen, who)
	if err != nil {
		return fmt.Errorf("hold the database against what was seen of it: %w", err)
	}
	if now == m.seen {
		return nil
	}
	if err := m.write(now); err != nil {
		return fmt.Errorf("keep how far the database was seen: %w", err)
	}
	m.seen = now
	return nil
}

// write replaces the file as a whole, durably.
func (m *Memory) write(now opsdb.Seen) error {
	if m.path == "" {
		return nil
	}
	b, err := json.Marshal(now)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(m.path), filepath.Base(m.path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), m.path) //nolint:forbidigo // a note of the process itself, replaced whole
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// attentive is a store that is held against what was seen of it before a deletion is confirmed.
type attentive struct {
	opsdb.Store
	memory *Memory
	who    string
}

// Confirm implements [opsdb.Working].
func (a *attentive) Confirm(ctx context.Context, task opsdb.ID, token int64) (opsdb.DeletionProof, error) {
	if err := a.memory.Look(ctx, a.Store, a.who); err != nil {
		return opsdb.DeletionProof{}, err
	}
	return a.Store.Confirm(ctx, task, token) //nolint:wrapcheck // the store's own words
}

// who is what a process is called in the audit log.
func (c Config) who() string {
	if c.Roles.Has(RoleEngine) {
		return "engine:" + c.Name
	}
	return "worker:" + c.Name
}

// Look holds the database against what this process has seen of it (S8).
func (n *Node) Look(ctx context.Context) error {
	return n.cfg.Memory.Look(ctx, n.cfg.Store, n.cfg.who())
}

// lookEvery is how often a running process does so.
const lookEvery = 5 * time.Second

// watchDatabase does so until ctx ends, and once more then. A database that is away is looked at when it is back.
func (n *Node) watchDatabase(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookEvery)
			defer cancel()
			if err := n.Look(last); err != nil {
				n.cfg.Log.WarnContext(last, "how far the database was seen at the end is not kept", "error", err)
			}
			return nil
		case <-tick.C:
			if err := n.Look(ctx); err != nil && ctx.Err() == nil {
				n.cfg.Log.WarnContext(ctx, "whether the database was put back is not known", "error", err)
			}
		}
	}
}
