package disk

import (
	"bufio"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
)

// keysHeld is how many bytes of keys are sorted in memory; what is more lies in
// a file, in sorted runs that are merged when they are read.
const keysHeld = 2 << 20

// keyCost is what a key takes in memory besides its bytes.
const keyCost = 16

// keys sorts the names of a directory. Past the first megabytes they lie in a
// file without a name, which is gone with its process: a folder may hold any number of files.
type keys struct {
	limit int // bytes held at most
	held  []string
	bytes int
	file  *os.File
	size  int64
	runs  []int64 // where each run in the file ends
}

func (k *keys) add(key string) error {
	k.held = append(k.held, key)
	if k.bytes += len(key) + keyCost; k.bytes < k.limit {
		return nil
	}
	if err := k.spill(); err != nil {
		return fmt.Errorf("sort the names of a folder: %w", err)
	}
	return nil
}

// spill writes what is held as one run. No name has a byte 0, which ends each.
func (k *keys) spill() error {
	if k.file == nil {
		f, err := os.CreateTemp("", "cdt-names-*")
		if err != nil {
			return err
		}
		if err := os.Remove(f.Name()); err != nil {
			return errors.Join(err, f.Close())
		}
		k.file = f
	}
	slices.Sort(k.held)
	w := bufio.NewWriterSize(k.file, 64<<10)
	for _, key := range k.held {
		_, _ = w.WriteString(key) // an error stays with w until Flush
		_ = w.WriteByte(0)
		k.size += int64(len(key)) + 1
	}
	k.runs = append(k.runs, k.size)
	clear(k.held)
	k.held, k.bytes = k.held[:0], 0
	return w.Flush()
}

// close drops the file, if there is one.
func (k *keys) close() {
	if k.file != nil {
		_ = k.file.Close()
	}
}

// all are the keys in their order.
func (k *keys) all() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		slices.Sort(k.held)
		if k.file == nil {
			for _, key := range k.held {
				if !yield(key, nil) {
					return
				}
			}
			return
		}
		if err := k.merge(yield); err != nil {
			yield("", fmt.Errorf("sort the names of a folder: %w", err))
		}
	}
}

// merge yields the smallest head of all runs again and again.
func (k *keys) merge(yield func(string, error) bool) error {
	heads := &runs{}
	add := func(next func() (string, error)) error {
		key, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		heap.Push(heads, run{key, next})
		return err
	}
	held := k.held
	err := add(func() (string, error) {
		if len(held) == 0 {
			return "", io.EOF
		}
		key := held[0]
		held = held[1:]
		return key, nil
	})
	from := int64(0)
	for _, to := range k.runs {
		if err == nil {
			err = add(readKeys(io.NewSectionReader(k.file, from, to-from), k.limit/len(k.runs)))
		}
		from = to
	}
	for err == nil && heads.Len() > 0 {
		head := heap.Pop(heads).(run)
		if !yield(head.key, nil) {
			return nil
		}
		err = add(head.next)
	}
	return err
}

// readKeys reads one run.
func readKeys(r io.Reader, buffer int) func() (string, error) {
	in := bufio.NewReaderSize(r, min(max(buffer, 512), 64<<10))
	return func() (string, error) {
		key, err := in.ReadString(0)
		if err != nil {
			if len(key) > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		return key[:len(key)-1], nil
	}
}

// run is the head of a sorted run and how its next key is read.
type run struct {
	key  string
	next func() (string, error)
}

// runs is a heap of them.
type runs []run

func (r runs) Len() int           { return len(r) }
func (r runs) Less(i, j int) bool { return r[i].key < r[j].key }
func (r runs) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *runs) Push(x any) { *r = append(*r, x.(run)) }

// Pop implements heap.Interface.
func (r *runs) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	*r = (*r)[:last]
	return x
}
