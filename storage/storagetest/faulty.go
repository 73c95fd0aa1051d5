package storagetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"path"
	"sync"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Fault is something that goes wrong with a storage.
type Fault struct {
	Method string // "Put", "Read", "TrashFile", …; empty: every method
	Path   string // a pattern of path.Match, also of the path's last name; empty: every path
	Skip   int    // calls that go well first
	Times  int    // calls that go wrong then; 0: all
	// Err is returned by the method, which does nothing else. For Put and WriteFile with Short, it comes after that many bytes.
	Err error
	// Short is after how many bytes the writer of a Put gives Err, or io.ErrShortWrite.
	Short int64
	// Flip turns the byte at Offset around whenever it is read: with Medium only
	// when the reading goes to the medium, with Cache only when it does not; with neither, always.
	Flip          bool
	Offset        int64
	Medium, Cache bool
	// Hook is called when the fault strikes: a test may cancel or remove something.
	Hook func()

	met int
}

// Faults are the faults of one storage; a test adds and clears them while others work.
type Faults struct {
	mu     sync.Mutex
	faults []*Fault
	calls  map[string]int
}

// Add adds a fault. Of several that fit, the first added strikes.
func (f *Faults) Add(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, &fault)
}

// Clear removes all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Calls is how often a method was called.
func (f *Faults) Calls(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

// strike counts the call and returns the fault that strikes it.
func (f *Faults) strike(method, p string) Fault {
	f.mu.Lock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[method]++
	var struck Fault
	for _, fault := range f.faults {
		if fault.fits(method, p) && fault.due() {
			struck = *fault
			break
		}
	}
	f.mu.Unlock()
	if struck.Hook != nil {
		struck.Hook()
	}
	return struck
}

func (f *Fault) fits(method, p string) bool {
	if f.Method != "" && f.Method != method {
		return false
	}
	if f.Path == "" {
		return true
	}
	whole, _ := path.Match(f.Path, p)
	last, _ := path.Match(f.Path, path.Base(p))
	return whole || last
}

func (f *Fault) due() bool {
	f.met++
	return f.met > f.Skip && (f.Times == 0 || f.met <= f.Skip+f.Times)
}

// fails is the error of a method that fails as a whole.
func (f *Faults) fails(method, path string) error {
	fault := f.strike(method, path)
	if fault.Short > 0 {
		return nil
	}
	return fault.Err
}

// Faulty is s with faults. It is a [storage.Receiver] and a [storage.Tree] if s is both.
func Faulty(s storage.Storage, faults *Faults) storage.Storage {
	f := &faultyStorage{s, faults}
	receiver, isReceiver := s.(storage.Receiver)
	tree, isTree := s.(storage.Tree)
	if isReceiver && isTree {
		return &faultyDisk{f, faultyReceiver{receiver, faults}, faultyTree{tree, faults}}
	}
	return f
}

type faultyDisk struct {
	*faultyStorage
	faultyReceiver
	faultyTree
}

type faultyStorage struct {
	inner storage.Storage
	f     *Faults
}

func (s *faultyStorage) Location() string { return s.inner.Location() }

func (s *faultyStorage) Init(ctx context.Context, m opsdb.Marker, adopt bool) error {
	if err := s.f.fails("Init", ""); err != nil {
		return err
	}
	return s.inner.Init(ctx, m, adopt)
}

func (s *faultyStorage) Check(ctx context.Context) (storage.Health, error) {
	if err := s.f.fails("Check", ""); err != nil {
		return storage.Health{Free: -1}, err
	}
	return s.inner.Check(ctx)
}

func (s *faultyStorage) Stat(ctx context.Context, path string) (storage.Info, error) {
	if err := s.f.fails("Stat", path); err != nil {
		return storage.Info{}, err
	}
	return s.inner.Stat(ctx, path)
}

func (s *faultyStorage) Open(ctx context.Context, path string, offset, length int64) (io.ReadCloser, error) {
	fault := s.f.strike("Open", path)
	if fault.Err != nil {
		return nil, fault.Err
	}
	r, err := s.inner.Open(ctx, path, offset, length)
	if err != nil {
		return nil, err
	}
	return &flipping{r, r, offset, fault, fault.flips(false)}, nil
}

func (f Fault) flips(medium bool) bool {
	return f.Flip && (f.Medium == f.Cache || f.Medium == medium)
}

// flipping reads with one byte turned around. It hides whatever else its reader can.
type flipping struct {
	r      io.Reader
	c      io.Closer
	at     int64
	fault  Fault
	strike bool
}

func (r *flipping) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if i := r.fault.Offset - r.at; r.strike && i >= 0 && i < int64(n) {
		p[i] ^= 0xff
	}
	r.at += int64(n)
	return n, err
}

func (r *flipping) Close() error { return r.c.Close() }

func (s *faultyStorage) Read(ctx context.Context, path string, medium bool, progress storage.Progress) (storage.Reading, error) {
	fault := s.f.strike("Read", path)
	if fault.Err != nil {
		return storage.Reading{}, fault.Err
	}
	reading, err := s.inner.Read(ctx, path, medium, progress)
	if err != nil || !fault.flips(medium) || fault.Offset >= reading.Size {
		return reading, err
	}
	r, err := s.inner.Open(ctx, path, 0, -1)
	if err != nil {
		return storage.Reading{}, err
	}
	defer func() { _ = r.Close() }()
	return digestFlipped(reading, &flipping{r, r, 0, fault, true})
}

// digestFlipped is the reading of the same object with other bytes.
func digestFlipped(r storage.Reading, content io.Reader) (storage.Reading, error) {
	whole, segment, n := sha256.New(), sha256.New(), int64(0)
	r.Segments = nil
	for {
		m, err := io.Copy(io.MultiWriter(whole, segment), io.LimitReader(content, opsdb.SegmentSize))
		if err != nil {
			return r, err
		}
		if m > 0 {
			r.Segments = append(r.Segments, hexOf(segment))
			segment.Reset()
		}
		if n += m; m < opsdb.SegmentSize {
			break
		}
	}
	r.Digest, r.Size = hexOf(whole), n
	return r, nil
}

func hexOf(h hash.Hash) opsdb.Digest { return opsdb.Digest(hex.EncodeToString(h.Sum(nil))) }

func (s *faultyStorage) Put(ctx context.Context, p storage.Put) (storage.Reading, error) {
	fault := s.f.strike("Put", p.Path)
	if fault.Short == 0 && fault.Err != nil {
		return storage.Reading{}, fault.Err
	}
	if write := p.Write; fault.Short > 0 {
		p.Write = func(w io.Writer) error { return write(&short{w, fault.Short, fault.Err}) }
	}
	return s.inner.Put(ctx, p)
}

// short takes so many bytes and no more.
type short struct {
	w    io.Writer
	left int64
	err  error
}

func (s *short) Write(p []byte) (int, error) {
	n, err := s.w.Write(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	if err == nil && n < len(p) {
		err = s.err
		if err == nil {
			err = io.ErrShortWrite
		}
	}
	return n, err
}
