package remote

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
)

// Protocol is the version of what is spoken between the two ends; they must be equal.
const Protocol = 1

// mostLine is how long one line may be, in bytes: more than any that is meant. Who babbles fills nobody's memory.
const mostLine = 16 << 20

// lines gives each line of in to hear, until one is no JSON, is too long, or hear says no. io.EOF is an orderly end.
func lines[T any](in io.Reader, hear func(T) bool) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, mostLine)
	for s.Scan() {
		var line T
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			return fmt.Errorf("a line that is none of the agent's: %w", err)
		}
		if !hear(line) {
			return nil
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	return io.EOF
}

// Hello is the first line an agent writes.
type Hello struct {
	Protocol int    `json:"cdt_agent"`
	Version  string `json:"version"` // of the program
	Host     string `json:"host"`    // what the agent's host calls itself
	PID      int    `json:"pid"`
}

// Place is a disk location as the agent's host sees it.
type Place struct {
	Location string   `json:"location"`
	Root     string   `json:"root"`
	Marker   opsdb.ID `json:"marker"` // what the root must carry (S9)
	Segment  int64    `json:"segment,omitempty"`
}

// The operations.
const (
	opCancel   = "cancel" // of the request with this ID; has no answer of its own
	opMore     = "more"   // of a list: the next batch, please
	opPing     = "ping"
	opCheck    = "check"
	opStat     = "stat"
	opBytes    = "bytes"
	opRead     = "read"
	opList     = "list"
	opLeft     = "leftovers"
	opTrashed  = "trashed"
	opDiscard  = "discard"
	opPartPath = "part_path"
	opAbsPath  = "abs_path"
	opPartSize = "part_size"
	opReadPart = "read_part"
	opCopyPart = "copy_part"
	opSettle   = "settle"
	opKill     = "kill"
	opProgram  = "program" // the first line that a program says of its version
)

// request is one line to the agent.
type request struct {
	ID      int64            `json:"id"`
	Op      string           `json:"op"`
	Place   *Place           `json:"place,omitempty"`
	Path    string           `json:"path,omitempty"`
	Attempt *storage.Attempt `json:"attempt,omitempty"`
	From    *storage.Attempt `json:"from,omitempty"`
	Task    opsdb.ID         `json:"task,omitempty"`
	Offset  int64            `json:"offset,omitempty"`
	Length  int64            `json:"length,omitempty"`
	Medium  bool             `json:"medium,omitempty"`
	Want    *storage.Expect  `json:"want,omitempty"`
}

// answer is one line from the agent: some of progress or of a list, then one that is the last.
type answer struct {
	ID       int64             `json:"id"`
	Last     bool              `json:"last,omitempty"`
	Phase    string            `json:"phase,omitempty"` // progress: N more bytes of it
	N        int64             `json:"n,omitempty"`
	Infos    []info            `json:"infos,omitempty"`
	Data     []byte            `json:"data,omitempty"`
	Text     string            `json:"text,omitempty"`
	Health   *storage.Health   `json:"health,omitempty"`
	Reading  *storage.Reading  `json:"reading,omitempty"`
	Attempts []storage.Attempt `json:"attempts,omitempty"`
	Fault    *fault            `json:"fault,omitempty"`
}

// info is a storage.Info whose path may be any bytes.
type info struct {
	Path     []byte      `json:"path"`
	Size     int64       `json:"size"`
	ModTime  time.Time   `json:"mod_time"`
	Identity string      `json:"identity"`
	Mode     fs.FileMode `json:"mode"`
}

func wired(i storage.Info) info {
	return info{[]byte(i.Path), i.Size, i.ModTime, i.Identity, i.Mode}
}

func (i info) plain() storage.Info {
	return storage.Info{Path: string(i.Path), Size: i.Size, ModTime: i.ModTime, Identity: i.Identity, Mode: i.Mode}
}

// fault is an error on its way.
type fault struct {
	Kinds []string `json:"kinds,omitempty"`
	Text  string   `json:"text"`
}

// kinds are the errors that callers branch on, by word.
func kinds() map[string]error {
	return map[string]error{
		"offline": storage.ErrOffline, "foreign": storage.ErrForeign, "full": storage.ErrFull, "read_only": storage.ErrReadOnly,
		"denied": storage.ErrDenied, "irregular": storage.ErrIrregular, "mismatch": storage.ErrMismatch, "outside": storage.ErrOutside,
		"kept": storage.ErrKept, "unsafe": storage.ErrUnsafe,
		"not_exist": fs.ErrNotExist, "exist": fs.ErrExist, "invalid": fs.ErrInvalid, "short": io.ErrUnexpectedEOF, "eof": io.EOF, "io": syscall.EIO,
	}
}

func faultOf(err error) *fault {
	f := &fault{Text: err.Error()}
	for word, kind := range kinds() {
		if errors.Is(err, kind) {
			f.Kinds = append(f.Kinds, word)
		}
	}
	return f
}

// Error implements error. Is knows what the error was at the other end.
func (f *fault) Error() string { return f.Text }

func (f *fault) Is(target error) bool {
	all := kinds()
	for _, word := range f.Kinds {
		if all[word] == target {
			return true
		}
	}
	return false
}
