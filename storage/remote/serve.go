package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ccatobs/cdt/storage"
)

// silence is how long an agent waits for a word before it takes the other end for dead.
const silence = 3 * time.Minute

// Serving is what an agent is made of.
type Serving struct {
	// Open opens the disk of a place; it may refuse.
	Open func(p Place) (storage.Storage, error)
	// Kill ends the processes of an attempt on this host, and waits for that.
	Kill func(ctx context.Context, attempt string) error
	// Program asks a program for the first line about its version.
	Program func(ctx context.Context, program string) (string, error)
	Hello   Hello
	Silence time.Duration // 3 min
}

// Serve answers requests until in ends, ctx does, or nothing was heard for too
// long; then it cancels what still runs, and waits for it.
func Serve(ctx context.Context, in io.Reader, out io.Writer, s Serving) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.Silence <= 0 {
		s.Silence = silence
	}
	s.Hello.Protocol = Protocol
	v := &server{Serving: s, out: json.NewEncoder(out), running: map[int64]*operation{}, disks: map[Place]storage.Storage{}}
	if err := v.write(s.Hello); err != nil {
		return err
	}
	err := v.listen(ctx, in)
	cancel()
	v.wg.Wait()
	return err
}

// server is an agent at work.
type server struct {
	Serving
	wg sync.WaitGroup

	mu      sync.Mutex // guards what follows
	out     *json.Encoder
	running map[int64]*operation
	disks   map[Place]storage.Storage
}

// operation is a request that is being carried out.
type operation struct {
	cancel context.CancelFunc
	more   chan struct{}
}

func (v *server) listen(ctx context.Context, in io.Reader) error {
	requests, ended := make(chan request), make(chan error, 1)
	go func() {
		ended <- lines(in, func(r request) bool {
			select {
			case requests <- r:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	quiet := time.NewTimer(v.Silence)
	defer quiet.Stop()
	for {
		select {
		case r := <-requests:
			quiet.Reset(v.Silence)
			v.take(ctx, r)
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read a request: %w", err)
		case <-quiet.C:
			return fmt.Errorf("nothing was heard for %s: the other end is taken for dead", v.Silence)
		case <-ctx.Done():
			return nil
		}
	}
}

// take begins an operation, or turns to one that runs.
func (v *server) take(ctx context.Context, r request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch o := v.running[r.ID]; {
	case r.Op == opCancel || r.Op == opMore:
		if o != nil && r.Op == opCancel {
			o.cancel()
		} else if o != nil {
			select {
			case o.more <- struct{}{}:
			default:
			}
		}
	case o != nil: // a number is used once
	default:
		ctx, cancel := context.WithCancel(ctx)
		o := &operation{cancel, make(chan struct{}, 1)}
		v.running[r.ID] = o
		v.wg.Go(func() {
			defer cancel()
			v.carryOut(ctx, r, o)
		})
	}
}

func (v *server) carryOut(ctx context.Context, r request, o *operation) {
	a, err := v.do(ctx, r, o)
	a.ID, a.Last = r.ID, true
	if err != nil {
		a.Fault = faultOf(err)
	}
	v.mu.Lock()
	delete(v.running, r.ID)
	v.mu.Unlock()
	_ = v.write(a) // nobody there: listen finds out
}

func (v *server) write(line any) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.out.Encode(line); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// disk is the open storage of a place; the marker is looked at by every method of it.
func (v *server) disk(p *Place) (storage.Storage, error) {
	if p == nil {
		return nil, errors.New("the request names no place")
	}
	if p.Marker == "" {
		return nil, fmt.Errorf("open %s: it has no marker yet: %w", p.Location, storage.ErrOffline)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if d := v.disks[*p]; d != nil {
		return d, nil
	}
	d, err := v.Open(*p)
	if err == nil {
		v.disks[*p] = d
	}
	return d, err
}

// telling streams progress: phases as they begin, bytes a few MB at a time, and every sign of life.
func (v *server) telling(id int64) (tell storage.Progress, rest func()) {
	const step = 4 << 20
	var mu sync.Mutex
	phase, n := "", int64(0)
	flush := func() {
		if phase != "" {
			_ = v.write(answer{ID: id, Phase: phase, N: n})
		}
		n = 0
	}
	return func(p string, more int64) {
			mu.Lock()
			defer mu.Unlock()
			if p != phase {
				if n > 0 {
					flush()
				}
				phase, n = p, more
				flush()
				return
			}
			if n += more; more == 0 || n >= step {
				flush()
			}
		}, func() {
			mu.Lock()
			defer mu.Unlock()
			if n > 0 {
				flush()
			}
		}
}
