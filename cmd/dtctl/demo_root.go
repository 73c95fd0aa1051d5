package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// demoPlaces are the folders of one demo.
type demoPlaces struct {
	root string // absolute
	data string // absolute, "" to make data
	made bool   // root was made by us and may be removed
}

// demoFolders checks --root and --data, which must not touch each other.
func demoFolders(root, data string) (demoPlaces, error) {
	var p demoPlaces
	if data != "" {
		var err error
		if p.data, err = realPath(data); err != nil {
			return p, misuse("give --data a folder that exists", "read the data folder: %w", err)
		}
		st, err := os.Stat(p.data)
		if err != nil {
			return p, misuse("give --data a folder that exists", "read the data folder: %w", err)
		}
		if !st.IsDir() {
			return p, misuse("give --data a folder", "the data %s is not a folder", data)
		}
	}
	if root == "" {
		return p.temporary()
	}
	return p.at(root)
}

// temporary puts the demo into a fresh folder of its own.
func (p demoPlaces) temporary() (demoPlaces, error) {
	dir, err := os.MkdirTemp("", "cdt-demo-")
	if err != nil {
		return p, hint(fmt.Errorf("make a folder for the demo: %w", err), "give one with --root")
	}
	p.made = true
	p.root, err = realPath(dir)
	if err == nil && p.data != "" && overlap(p.root, p.data) {
		return p, errors.Join(misuse("give --root a folder elsewhere", "the demo's folder %s lies inside the data %s", p.root, p.data), os.Remove(dir))
	}
	return p, err
}

// at puts the demo into the folder a person named: absent or empty, and apart from the data.
func (p demoPlaces) at(root string) (demoPlaces, error) {
	abs, err := realPath(root)
	if err != nil {
		return p, misuse("give --root a folder that can be made", "find the root: %w", err)
	}
	p.root = abs
	if p.data != "" && overlap(p.root, p.data) {
		return p, misuse("give --root a folder apart from --data: the data are only read", "the root %s is equal to, inside or around the data %s", p.root, p.data)
	}
	entries, err := os.ReadDir(p.root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.made = true
		return p, os.MkdirAll(p.root, 0o755)
	case err != nil:
		return p, misuse("give --root an empty folder", "look into the root: %w", err)
	case len(entries) > 0:
		return p, misuse("give --root an empty folder, or one that does not exist yet", "the root %s is not empty", p.root)
	}
	return p, nil
}

// realPath is the absolute path with symlinks resolved as far as it exists.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for dir := abs; ; dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", err
		}
		if _, err := os.Lstat(dir); err == nil {
			return "", fmt.Errorf("%s is a symlink to nothing", dir)
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}

// overlap reports whether one of two real paths is equal to, inside or around the other.
func overlap(a, b string) bool {
	return inside(a, b) || inside(b, a)
}

func inside(a, b string) bool {
	rel, err := filepath.Rel(b, a)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
