package filing

import (
	"fmt"
	"io/fs"
	"iter"

	"github.com/ccatobs/cdt/opsdb"
)

// known is the stream of known files, met by the walk.
type known struct {
	next func() (opsdb.File, error, bool)
	stop func()
	head opsdb.File
	some bool // head is not met yet
	last string
	end  bool
}

func newKnown(files iter.Seq2[opsdb.File, error]) *known {
	k := &known{}
	k.next, k.stop = iter.Pull2(files)
	return k
}

// advance reads the next known file into head.
func (k *known) advance() error {
	if k.some || k.end {
		return nil
	}
	before, begun := k.last, k.head.ID != ""
	file, err, more := k.next()
	if err != nil {
		return fmt.Errorf("read the known files: %w", err)
	}
	if !more {
		k.end = true
		return nil
	}
	if begun && file.Path <= before {
		return fmt.Errorf("the known files are out of order: %s after %s", opsdb.ShowPath(file.Path), opsdb.ShowPath(before))
	}
	k.head, k.some, k.last = file, true, file.Path
	return nil
}

// upTo tells lost of the known files before path, which the walk has passed, and returns the one at path.
func (k *known) upTo(path string, lost func(opsdb.File) error) (opsdb.File, bool, error) {
	for {
		if err := k.advance(); err != nil {
			return opsdb.File{}, false, err
		}
		if !k.some || k.head.Path > path {
			return opsdb.File{}, false, nil
		}
		k.some = false
		if k.head.Path == path {
			return k.head, true, nil
		}
		if err := lost(k.head); err != nil {
			return opsdb.File{}, false, err
		}
	}
}

// rest tells lost of what the walk did not reach.
func (k *known) rest(lost func(opsdb.File) error) error {
	for {
		if err := k.advance(); err != nil || k.end {
			return err
		}
		k.some = false
		if err := lost(k.head); err != nil {
			return err
		}
	}
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "symlink"
	case mode&fs.ModeNamedPipe != 0:
		return "fifo"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	case mode.IsDir():
		return "folder"
	default:
		return "irregular"
	}
}
