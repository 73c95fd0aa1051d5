package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// describe says of everything below a folder its name, kind, rights, owner, size, times of
// change and content: what only reading must leave as it was.
func describe(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%q %s %d %s", rel, i.Mode(), i.Size(), i.ModTime().UTC().Format("2006-01-02T15:04:05.999999999"))
		if st, ok := i.Sys().(*syscall.Stat_t); ok {
			fmt.Fprintf(&b, " %d:%d links %d inode %d changed %d.%09d", st.Uid, st.Gid, st.Nlink, st.Ino, st.Ctim.Sec, st.Ctim.Nsec)
		}
		if i.Mode().IsRegular() {
			content, err := os.ReadFile(path) //nolint:gosec // a test's own folder
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(content))
		}
		b.WriteString("\n")
		return nil
	})
	return b.String(), err
}
