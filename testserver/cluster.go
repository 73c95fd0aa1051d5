package testserver

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// cluster is the folder of an empty PostgreSQL that trusts everybody, to be copied and never to be started. initdb takes
// a second of a processor each time, and all tests together start more than a hundred servers: it is run once for this
// machine, into the user's cache.
func cluster(t testing.TB) string {
	t.Helper()
	initdb := Need(t, "initdb", "postgresql", debianPostgres)
	version, err := exec.CommandContext(t.Context(), initdb, "--version").Output() // "initdb (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
	if err != nil {
		t.Fatalf("ask %s for its version: %v", initdb, err)
	}
	name := strings.NewReplacer(" ", "-", "(", "", ")", "", "/", "-").Replace(strings.TrimSpace(string(version)))
	return cached(t, name, "data", func(b *building) error {
		as := unprivileged(t, "postgres", "nobody")
		made := filepath.Join(folder(t, as), "data")
		initCluster(t, as, made, "--auth=trust")
		half := filepath.Join(b.dir, "build")
		if err := os.RemoveAll(half); err != nil {
			return err
		}
		return copyTree(filepath.Join(half, "data"), made, nil)
	})
}

// memory is a folder for data that need not outlive this machine: in its memory, if there is much of it, else "". An empty
// PostgreSQL has a thousand files, and each database three hundred: disks take longer to make and remove them than the tests to use them.
func memory() string {
	const folder, room = "/dev/shm", 4 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil || int64(fs.Bavail)*fs.Bsize < room { //nolint:gosec // so many blocks there are not
		return ""
	}
	return folder
}

// initCluster has initdb make the data of a server.
func initCluster(t testing.TB, as *syscall.Credential, data string, args ...string) {
	t.Helper()
	runOnce(t, as, Need(t, "initdb", "postgresql", debianPostgres), append(args, "--no-sync", "--username=cdt", "--encoding=UTF8", "--locale=C", "-D", data)...)
}

func copyCluster(t testing.TB, from, to string, as *syscall.Credential) {
	t.Helper()
	if err := copyTree(to, from, as); err != nil {
		t.Fatalf("copy an empty database: %v", err)
	}
}

// copyTree copies folders and files with their modes, and gives them to a user; nil: they are ours.
func copyTree(to, from string, as *syscall.Credential) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		name := filepath.Join(to, rel)
		if d.IsDir() {
			err = os.MkdirAll(name, 0o700)
		} else {
			err = copyFile(name, path)
		}
		if err != nil || as == nil {
			return err
		}
		return os.Chown(name, int(as.Uid), int(as.Gid))
	})
}

// zeros is a block of them.
var zeros [1 << 16]byte //nolint:gochecknoglobals // nobody writes it

// copyFile leaves holes where there are zeros: most of the log of an empty database is.
func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = out.Truncate(int64(len(content)))
	for at := 0; at < len(content) && err == nil; at += len(zeros) {
		if part := content[at:min(at+len(zeros), len(content))]; !bytes.Equal(part, zeros[:len(part)]) {
			_, err = out.WriteAt(part, int64(at))
		}
	}
	return errors.Join(err, out.Close())
}
