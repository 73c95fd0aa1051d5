package filing_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/ccatobs/cdt/opsdb"
)

// book is an OpsDB that knows files only, for what a real one cannot be made to do.
type book struct {
	mu       sync.Mutex
	files    map[string]opsdb.File
	packed   map[string]bool
	skips    map[string]string
	finished []string
	missed   []string
	calls    []int // files in each call of FileFiles
	away     error
	order    func(a, b string) int
	filed    chan string
}

func newBook() *book {
	return &book{files: map[string]opsdb.File{}, packed: map[string]bool{}, skips: map[string]string{}, order: strings.Compare, filed: make(chan string, 100)}
}

func (b *book) FileFiles(_ context.Context, files []opsdb.File) (int, []error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away != nil {
		return 0, nil, b.away
	}
	b.calls = append(b.calls, len(files))
	filed, results := 0, make([]error, len(files))
	for i, f := range files {
		if b.packed[f.Path] {
			results[i] = fmt.Errorf("file %q: %w", f.Path, opsdb.ErrConflict)
			continue
		}
		filed++
		f.ID, f.State = opsdb.NewID(), opsdb.Present
		b.files[f.Path] = f
		b.filed <- f.Path
	}
	return filed, results, nil
}

func (b *book) Skip(_ context.Context, skips []opsdb.Skip) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range skips {
		b.skips[s.Path] = s.Reason
	}
	return b.away
}

func (b *book) Missing(_ context.Context, _ string, ids []opsdb.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for path, f := range b.files {
		if slices.Contains(ids, f.ID) {
			b.missed = append(b.missed, path)
			delete(b.files, path)
		}
	}
	return b.away
}

func (b *book) KnownFiles(context.Context, string) iter.Seq2[opsdb.File, error] {
	b.mu.Lock()
	defer b.mu.Unlock()
	paths := make([]string, 0, len(b.files))
	for path := range b.files {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, b.order)
	var files []opsdb.File
	for _, path := range paths {
		files = append(files, b.files[path])
	}
	return func(yield func(opsdb.File, error) bool) {
		for _, f := range files {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (b *book) FinishObservation(_ context.Context, instrument, observation string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finished = append(b.finished, instrument+"/"+observation)
	return b.away
}

// paths are the known files, in order.
func (b *book) paths() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	paths := []string{}
	for path := range b.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
