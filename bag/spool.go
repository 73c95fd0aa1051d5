package bag

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/ccatobs/cdt/opsdb"
)

// spool holds lines of which there may be a million: in a file without a name, that is gone with its process.
type spool struct {
	file *os.File
	buf  *bufio.Writer
	size int64
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "cdt-spool-*")
	if err != nil {
		return nil, fmt.Errorf("make a spool: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("make a spool: %w", err)
	}
	return &spool{file: f, buf: bufio.NewWriterSize(f, 64<<10)}, nil
}

func (s *spool) Write(b []byte) (int, error) {
	n, err := s.buf.Write(b)
	s.size += int64(n)
	return n, err
}

// rewind returns what was written, from its beginning.
func (s *spool) rewind() (io.Reader, error) {
	if err := s.buf.Flush(); err != nil {
		return nil, fmt.Errorf("write the spool: %w", err)
	}
	return io.NewSectionReader(s.file, 0, s.size), nil
}

// Close drops the spool.
func (s *spool) Close() error { return s.file.Close() }

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
	*spool
	count int
}

func newNamesWriter() (*namesWriter, error) {
	s, err := newSpool()
	if err != nil {
		return nil, err
	}
	return &namesWriter{spool: s}, nil
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
