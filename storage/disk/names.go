package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// namesAtOnce is how many bytes of a directory are read at a time.
const namesAtOnce = 32 << 10

// named is an entry of a directory, as the directory itself tells it.
type named struct {
	name string
	dir  bool
}

// eachName tells the entries of a directory, in no order, with memory that does
// not grow with their number. What is told may be removed meanwhile.
func eachName(d *dir, tell func(named) error) error {
	f, err := d.open(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, namesAtOnce)
	for {
		var n int
		err := again(func() (err error) {
			n, err = unix.ReadDirent(int(f.Fd()), buf)
			return err
		})
		if err != nil || n <= 0 {
			return err
		}
		if err := d.parse(buf[:n], tell); err != nil {
			return err
		}
	}
}

// Where the parts of a struct linux_dirent64 lie: inode, offset, length, type, name.
const (
	direntLength = 16
	direntType   = 18
	direntName   = 19
)

// parse tells the entries of one portion as the kernel wrote it.
func (d *dir) parse(portion []byte, tell func(named) error) error {
	for len(portion) > 0 {
		if len(portion) < direntName {
			return errors.New("read a directory: a portion is cut off")
		}
		length := int(binary.NativeEndian.Uint16(portion[direntLength:]))
		if length < direntName || length > len(portion) {
			return fmt.Errorf("read a directory: an entry of %d bytes in %d", length, len(portion))
		}
		entry := portion[:length]
		portion = portion[length:]
		name, _, _ := bytes.Cut(entry[direntName:], []byte{0})
		if string(name) == "." || string(name) == ".." || binary.NativeEndian.Uint64(entry) == 0 {
			continue
		}
		e := named{name: string(name), dir: entry[direntType] == unix.DT_DIR}
		if entry[direntType] == unix.DT_UNKNOWN {
			e.dir = d.holds(e.name)
		}
		if err := tell(e); err != nil {
			return err
		}
	}
	return nil
}

// holds reports whether an entry is a directory, where the directory does not tell.
func (d *dir) holds(name string) bool {
	st, err := d.stat(name)
	return err == nil && modeOf(st.Mode).IsDir()
}
