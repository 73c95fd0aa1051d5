package route

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/ccatobs/cdt/engine/diag"
)

// maxFiles is the number of files a folder of routes may have.
const maxFiles = 1000

// Load reads a folder of routes, or one file, as [Read] does, and parses it.
func Load(name string, o Options) (*Set, *diag.List) {
	files, problems := Read(name)
	if len(files) == 0 {
		return &Set{}, problems
	}
	set, list := Parse(files, o)
	for _, p := range list.Problems() {
		problems.Add(p)
	}
	return set, problems
}

// Read reads the texts of a folder of routes, or of one file. In a folder these
// are the files named *.yaml or *.yml that are not hidden and no route tests
// (*.test.yaml); folders in it are not entered, and links that lead out of it
// are refused. Names are paths that begin with name.
func Read(name string) (map[string][]byte, *diag.List) {
	list := &diag.List{}
	info, err := os.Stat(name)
	if err != nil {
		unreadable(list, name, err)
		return nil, list
	}
	if !info.IsDir() {
		return readOne(name, info, list), list
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		unreadable(list, name, err)
		return nil, list
	}
	defer root.Close()
	files := readFolder(name, root, list)
	if len(files) == 0 && !list.Failed() {
		nothing(diag.Place{File: name}, list)
	}
	return files, list
}

// ReadFS reads the texts of a folder that is not on disk, as the embedded routes.
func ReadFS(fsys fs.FS) (map[string][]byte, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if !IsRouteFile(e.Name()) {
			continue
		}
		if files[e.Name()], err = fs.ReadFile(fsys, e.Name()); err != nil {
			return nil, fmt.Errorf("read routes: %w", err)
		}
	}
	return files, nil
}

// IsRouteFile reports whether a file of a folder is read as routes.
func IsRouteFile(name string) bool {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(name, ".") && path.Ext(stem) != ".test"
}

func unreadable(list *diag.List, name string, err error) {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	list.Errorf(diag.Place{File: name}, codeUnreadable, "name a route file or a folder of them that this user may read", "the routes cannot be read: %v", err)
}

func readOne(name string, info fs.FileInfo, list *diag.List) map[string][]byte {
	if !info.Mode().IsRegular() {
		unreadable(list, name, errors.New("it is no regular file"))
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		unreadable(list, name, err)
		return nil
	}
	return readText(name, f, map[string][]byte{}, list)
}

func readFolder(name string, root *os.Root, list *diag.List) map[string][]byte {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		unreadable(list, name, err)
		return nil
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if !IsRouteFile(e.Name()) {
			continue
		}
		if len(files) == maxFiles {
			list.Errorf(diag.Place{File: name}, codeTooLarge, "put routes into a folder of their own", "the folder has more than %d files", maxFiles)
			return nil
		}
		full := filepath.Join(name, e.Name())
		if f, ok := openInside(root, e.Name(), full, list); ok {
			readText(full, f, files, list)
		}
	}
	return files
}

// openInside opens a regular file that lies inside the root, also behind links.
func openInside(root *os.Root, name, full string, list *diag.List) (*os.File, bool) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		unreadable(list, full, err)
		return nil, false
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		return f, true
	}
	f.Close()
	if err == nil && !info.IsDir() {
		unreadable(list, full, errors.New("it is no regular file"))
	}
	return nil, false
}

// readText reads one file, but not much more than a file may have.
func readText(name string, f *os.File, into map[string][]byte, list *diag.List) map[string][]byte {
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		unreadable(list, name, err)
		return into
	}
	into[name] = data
	return into
}

// Digest is the SHA-256 of the texts with the last parts of their names: the
// same routes have the same digest, whatever the folder is called.
func (s *Set) Digest() [sha256.Size]byte {
	h := sha256.New()
	for _, f := range s.Files {
		for _, part := range [][]byte{[]byte(path.Base(f.Name)), f.Text} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			h.Write(part)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
