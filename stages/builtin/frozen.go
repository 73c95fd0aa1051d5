package builtin

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/ccatobs/cdt/bag"
	"github.com/ccatobs/cdt/opsdb"
)

// memberSpool keeps members on disk: a package may have a million of them,
// and a cursor of OpsDB is not held open while bytes move.
type memberSpool struct {
	*bag.Spool
	enc   *gob.Encoder
	count int
}

func newMemberSpool() (*memberSpool, error) {
	s, err := bag.NewSpool()
	if err != nil {
		return nil, err
	}
	return &memberSpool{Spool: s, enc: gob.NewEncoder(s)}, nil
}

func (s *memberSpool) add(m opsdb.Member) error {
	s.count++
	if err := s.enc.Encode(m); err != nil {
		return fmt.Errorf("spool members: %w", err)
	}
	return nil
}

// all streams what was added, in order.
func (s *memberSpool) all() iter.Seq2[opsdb.Member, error] {
	return func(yield func(opsdb.Member, error) bool) {
		r, err := s.Rewind()
		if err != nil {
			yield(opsdb.Member{}, err)
			return
		}
		dec := gob.NewDecoder(bufio.NewReaderSize(r, 64<<10))
		for {
			var m opsdb.Member
			err := dec.Decode(&m)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// record tells OpsDB the members in portions.
func (r *run) record(ctx context.Context, s *memberSpool) error {
	r.Phase(recording, 0)
	portion := make([]opsdb.Member, 0, min(s.count, recordEvery))
	for m, err := range s.all() {
		if err != nil {
			return err
		}
		if portion = append(portion, m); len(portion) == recordEvery {
			if err := r.tell(ctx, portion); err != nil {
				return err
			}
			portion = portion[:0]
		}
	}
	return r.tell(ctx, portion)
}

func (r *run) tell(ctx context.Context, portion []opsdb.Member) error {
	if len(portion) == 0 {
		return nil
	}
	if err := r.RecordMembers(ctx, portion); err != nil {
		return fmt.Errorf("record members: %w", err)
	}
	r.Moved(int64(len(portion)))
	return nil
}

// frozen copies the members of the package into a spool.
func (r *run) frozen(ctx context.Context) (*memberSpool, error) {
	s, err := newMemberSpool()
	if err != nil {
		return nil, err
	}
	for m, err := range r.Members(ctx) {
		if err == nil {
			err = s.add(m)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("list members: %w", err), s.Close())
		}
	}
	return s, nil
}
