package worker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ccatobs/cdt/effect"
	"github.com/ccatobs/cdt/opsdb"
)

// Journal keeps the results that OpsDB has not taken yet: one JSON line each,
// synced before Add returns, in the order in which the runs ended. A line
// {"done": id} says that OpsDB has one; when it has all, the file is emptied.
// The zero Journal keeps them in memory only.
type Journal struct {
	mu      sync.Mutex
	file    *os.File
	waiting []Result
}

type line struct {
	Result
	Done opsdb.ID `json:"done,omitempty"`
}

// OpenJournal opens or makes the journal of one worker process; two
// processes must not share one. A last line that a crash cut off is dropped,
// as its Add never returned; any other damage is an error for a person.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the worker's journal: %w", err)
	}
	j := &Journal{file: f}
	if err := j.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the worker's journal %s: %w", path, err), f.Close())
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

func (j *Journal) load() error {
	r := bufio.NewReader(j.file)
	var whole int64
	for n := 1; ; n++ {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what is left of text is a line cut off
		}
		if err != nil {
			return err
		}
		if err := j.read(text); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		whole += int64(len(text))
	}
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	_, err := j.file.Seek(whole, io.SeekStart)
	return err
}

func (j *Journal) read(text []byte) error {
	var l line
	if err := json.Unmarshal(bytes.TrimSpace(text), &l); err != nil {
		return err
	}
	if l.Done != "" {
		j.forget(l.Done)
		return nil
	}
	if l.Version != opsdb.FormatVersion {
		return fmt.Errorf("format version %d is not known here", l.Version)
	}
	j.waiting = append(j.waiting, l.Result)
	return nil
}

func (j *Journal) forget(id opsdb.ID) {
	j.waiting = slices.DeleteFunc(j.waiting, func(r Result) bool { return r.ID == id })
}

// Add keeps a result. When it returns nil, a crash does not lose it.
func (j *Journal) Add(ctx context.Context, r Result) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	effect.Point(ctx, "worker.journal.before")
	if err := j.append(line{Result: r}); err != nil {
		return err
	}
	effect.Point(ctx, "worker.journal.after")
	j.waiting = append(j.waiting, r)
	return nil
}

// Done forgets a result that OpsDB has.
func (j *Journal) Done(id opsdb.ID) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget(id)
	if len(j.waiting) == 0 {
		return j.empty()
	}
	return j.append(struct {
		Done opsdb.ID `json:"done"`
	}{id})
}

// Waiting returns what waits, oldest first.
func (j *Journal) Waiting() []Result {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.waiting)
}

// Len is how many results wait.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting)
}

// again counts one more time that OpsDB answered and did not take a result.
func (j *Journal) again(id opsdb.ID) (tries int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.waiting {
		if j.waiting[i].ID == id {
			j.waiting[i].Tries++
			return j.waiting[i].Tries
		}
	}
	return 0
}

// Close closes the file; what waits stays in it.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

func (j *Journal) append(v any) error {
	if j.file == nil {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a result: %w", err)
	}
	at, err := j.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(text, '\n')); err != nil {
		// Half a line would spoil the next one.
		_, seek := j.file.Seek(at, io.SeekStart)
		return errors.Join(fmt.Errorf("write the worker's journal: %w", err), j.file.Truncate(at), seek)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync the worker's journal: %w", err)
	}
	return nil
}

func (j *Journal) empty() error {
	if j.file == nil {
		return nil
	}
	if err := j.file.Truncate(0); err != nil {
		return fmt.Errorf("empty the worker's journal: %w", err)
	}
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return j.file.Sync()
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
