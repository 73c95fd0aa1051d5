package bag

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/ccatobs/cdt/opsdb"
)

// Spool holds what may have a million lines: in a file without a name, which is gone with its process.
type Spool struct {
	file *os.File
	buf  *bufio.Writer
	size int64
}

// NewSpool makes an empty spool in the system's folder for temporary files.
func NewSpool() (*Spool, error) {
	f, err := os.CreateTemp("", "cdt-spool-*")
	if err != nil {
		return nil, fmt.Errorf("make a spool: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("make a spool: %w", err)
	}
	return &Spool{file: f, buf: bufio.NewWriterSize(f, 64<<10)}, nil
}

// Write adds to the spool.
func (s *Spool) Write(b []byte) (int, error) {
	n, err := s.buf.Write(b)
	s.size += int64(n)
	return n, err
}

// Rewind returns what was written so far, from its beginning. It may be called again.
func (s *Spool) Rewind() (io.Reader, error) {
	if err := s.buf.Flush(); err != nil {
		return nil, fmt.Errorf("write the spool: %w", err)
	}
	return io.NewSectionReader(s.file, 0, s.size), nil
}

// Close drops the spool.
func (s *Spool) Close() error { return s.file.Close() }

// storedName is one entry of cdt-names.json: the member stored under Name has the true path Raw.
type storedName struct {
	Name string `json:"name"`
	Raw  []byte `json:"raw"`
}

// storedNames is cdt-names.json.
type storedNames struct {
	Version int          `json:"version"`
	Names   []storedName `json:"names"`
}

// namesWriter spools cdt-names.json.
type namesWriter struct {
	*Spool
	count int
}

func newNamesWriter() (*namesWriter, error) {
	s, err := NewSpool()
	if err != nil {
		return nil, err
	}
	return &namesWriter{Spool: s}, nil
}

func (w *namesWriter) add(m opsdb.Member) error {
	lead := ",\n"
	if w.count == 0 {
		lead = fmt.Sprintf("{\"version\":%d,\"names\":[\n", opsdb.FormatVersion)
	}
	w.count++
	entry, err := json.Marshal(storedName{m.Name, []byte(m.Path)})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s", lead, entry)
	return err
}

func (w *namesWriter) end() error {
	_, err := io.WriteString(w, "\n]}\n")
	return err
}
