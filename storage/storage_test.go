package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
)

func TestAttemptName(t *testing.T) {
	t.Parallel()
	a := Attempt{Task: "0192aaaa-0000-7000-8000-000000000001", Epoch: "e1", Token: 7}
	if got := a.Name(); got != "0192aaaa-0000-7000-8000-000000000001.e1.7" {
		t.Errorf("named %q", got)
	}
}

// TestClassify covers every error of the port, alone and as the system gives it.
func TestClassify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		is     error
		class  opsdb.FailureClass
		reason string
	}{
		"offline":        {ErrOffline, ErrOffline, opsdb.Environment, "offline"},
		"foreign":        {ErrForeign, ErrForeign, opsdb.Environment, "foreign"},
		"full":           {ErrFull, ErrFull, opsdb.Environment, "full"},
		"read-only":      {ErrReadOnly, ErrReadOnly, opsdb.Environment, "read_only"},
		"denied":         {ErrDenied, ErrDenied, opsdb.Environment, "refused"},
		"mismatch":       {ErrMismatch, ErrMismatch, opsdb.BadData, ""},
		"irregular":      {ErrIrregular, ErrIrregular, opsdb.Permanent, ""},
		"outside":        {ErrOutside, ErrOutside, opsdb.Permanent, ""},
		"not empty":      {ErrNotEmpty, ErrNotEmpty, opsdb.Permanent, ""},
		"busy":           {ErrBusy, ErrBusy, opsdb.Environment, "busy"},
		"unsafe":         {ErrUnsafe, ErrUnsafe, opsdb.BadConfig, ""},
		"kept":           {ErrKept, ErrKept, opsdb.Permanent, ""},
		"not there":      {fs.ErrNotExist, fs.ErrNotExist, opsdb.Transient, ""},
		"something else": {io.ErrUnexpectedEOF, io.ErrUnexpectedEOF, opsdb.Transient, ""},
		"ENOSPC":         {syscall.ENOSPC, ErrFull, opsdb.Environment, "full"},
		"EDQUOT":         {syscall.EDQUOT, ErrFull, opsdb.Environment, "full"},
		"EROFS":          {syscall.EROFS, ErrReadOnly, opsdb.Environment, "read_only"},
		"EACCES":         {syscall.EACCES, ErrDenied, opsdb.Environment, "refused"},
		"EPERM":          {syscall.EPERM, ErrDenied, opsdb.Environment, "refused"},
		"ESTALE":         {syscall.ESTALE, ErrOffline, opsdb.Environment, "offline"},
		"ENOTDIR":        {syscall.ENOTDIR, ErrIrregular, opsdb.Permanent, ""},
		"ELOOP":          {syscall.ELOOP, ErrIrregular, opsdb.Permanent, ""},
		"EIO":            {syscall.EIO, syscall.EIO, opsdb.Transient, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := FromSystem(fmt.Errorf("write x: %w", c.err))
			f := Classify("ccat.buffer", err)
			if !errors.Is(err, c.is) || !errors.Is(err, c.err) || f.Class != c.class || f.Reason != c.reason || f.Text == "" {
				t.Errorf("%v is classified %+v", err, f)
			}
			if (f.Subject == "location:ccat.buffer") != (c.class == opsdb.Environment) {
				t.Errorf("the subject is %q", f.Subject)
			}
		})
	}
	if FromSystem(nil) != nil {
		t.Error("no error has become one")
	}
}
