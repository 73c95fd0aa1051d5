package builtin

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ccatobs/cdt/storage"
)

// What stands where a part is expected and is no file is not read: a symlink could lead anywhere, and a FIFO is not waited for.
func TestOnlyAFileIsReadAsAPart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(path string) error{
		"symlink": func(path string) error { return os.Symlink(secret, path) },
		"fifo":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, name)
			if err := put(path); err != nil {
				t.Fatal(err)
			}
			ended := opening(path)
			select {
			case err := <-ended:
				if err == nil || name != "symlink" && !errors.Is(err, storage.ErrIrregular) {
					t.Errorf("opened: %v", err)
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("it waits for a writer")
			}
		})
	}
}

// opening opens a part on the side, as it might wait.
func opening(path string) <-chan error {
	ended := make(chan error, 1)
	go func() {
		f, err := openRegular(path)
		if err == nil {
			_ = f.Close()
		}
		ended <- err
	}()
	return ended
}
