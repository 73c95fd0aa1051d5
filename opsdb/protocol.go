package opsdb

import "errors"

// Protocol numbers what engines and workers say to each other through OpsDB:
// tasks, pieces, outcomes. It is raised when one of an older version would do the wrong thing.
const Protocol = 1

// ErrProtocol says that an engine and a worker speak different protocols.
var ErrProtocol = errors.New("engine and worker speak different protocols")

// Engine reports whether a row is that of an engine: a process that does the work of no site.
func (w Worker) Engine() bool { return len(w.Sites) == 0 }
