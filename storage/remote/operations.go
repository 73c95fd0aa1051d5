package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ccatobs/cdt/storage"
)

const (
	mostBytes = 1 << 20 // of one opBytes
	batch     = 500     // infos of one answer of a list
)

// disk is what an agent needs of a location's storage.
type disk interface {
	storage.Storage
	storage.Receiver
	storage.PartSizer
}

// do carries one request out.
func (v *server) do(ctx context.Context, r request, o *operation) (answer, error) {
	switch r.Op {
	case opPing:
		return answer{}, nil
	case opKill:
		if r.Attempt == nil {
			return answer{}, errors.New("kill: no attempt")
		}
		return answer{}, v.Kill(ctx, r.Attempt.Name())
	case opProgram:
		text, err := v.Program(ctx, r.Path)
		return answer{Text: text}, err
	}
	st, err := v.disk(r.Place)
	if err != nil {
		return answer{}, err
	}
	d, ok := st.(disk)
	if !ok {
		return answer{}, fmt.Errorf("%s is no disk", r.Place.Location)
	}
	if r.Op == opList {
		return answer{}, v.list(ctx, d, r, o)
	}
	tell, rest := v.telling(r.ID)
	defer rest()
	return onDisk(ctx, d, r, tell)
}

// onDisk are the operations that have one answer.
func onDisk(ctx context.Context, d disk, r request, tell storage.Progress) (a answer, err error) {
	if needsAttempt(r.Op) && r.Attempt == nil {
		return a, fmt.Errorf("%s: no attempt", r.Op)
	}
	switch r.Op {
	case opCheck:
		h, err := d.Check(ctx)
		return answer{Health: &h}, err
	case opStat:
		i, err := d.Stat(ctx, r.Path)
		return answer{Infos: []info{wired(i)}}, err
	case opBytes:
		return readBytes(ctx, d, r)
	case opRead:
		reading, err := d.Read(ctx, r.Path, r.Medium, tell)
		return answer{Reading: &reading}, err
	case opLeft:
		a.Attempts, err = d.Leftovers(ctx, r.Task)
	case opTrashed:
		a.Attempts, err = d.Trashed(ctx, r.Task)
	case opDiscard:
		err = d.Discard(ctx, *r.Attempt)
	case opPartPath:
		a.Text, err = d.PartPath(ctx, *r.Attempt)
	case opAbsPath:
		a.Text, err = d.AbsPath(ctx, r.Path)
	case opPartSize:
		a.N, err = d.PartSize(ctx, *r.Attempt)
	case opReadPart:
		reading, err := d.ReadPart(ctx, *r.Attempt, tell)
		return answer{Reading: &reading}, err
	case opCopyPart:
		if r.From == nil {
			return a, errors.New("copy a part: no attempt to copy from")
		}
		err = d.CopyPart(ctx, *r.From, *r.Attempt, r.Length)
	case opSettle:
		if r.Want == nil {
			return a, errors.New("settle: nothing is expected")
		}
		reading, err := d.Settle(ctx, *r.Attempt, r.Path, *r.Want, tell)
		return answer{Reading: &reading}, err
	default:
		err = fmt.Errorf("this agent does not know %q", r.Op)
	}
	return a, err
}

func needsAttempt(op string) bool {
	switch op {
	case opDiscard, opPartPath, opPartSize, opReadPart, opCopyPart, opSettle:
		return true
	}
	return false
}

// readBytes reads some of an object; io.EOF comes with the last.
func readBytes(ctx context.Context, d disk, r request) (answer, error) {
	in, err := d.Open(ctx, r.Path, r.Offset, min(max(r.Length, 0), mostBytes))
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = in.Close() }()
	b, err := io.ReadAll(in)
	return answer{Data: b}, err
}

// list sends batches, the next one when it is asked for.
func (v *server) list(ctx context.Context, d disk, r request, o *operation) error {
	var some []info
	for i, err := range d.List(ctx, r.Path) {
		if err != nil {
			return err
		}
		if some = append(some, wired(i)); len(some) < batch {
			continue
		}
		if err := v.write(answer{ID: r.ID, Infos: some}); err != nil {
			return err
		}
		some = nil
		select {
		case <-o.more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(some) == 0 {
		return nil
	}
	return v.write(answer{ID: r.ID, Infos: some})
}
