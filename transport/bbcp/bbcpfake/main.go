// Command bbcpfake stands in for bbcp in tests: it speaks bbcp's command
// line, messages and exit codes, moves the bytes between a source and a sink
// process over TCP as bbcp does, and misbehaves on demand (see mischief.go).
//
// It was written from what bbcp was seen to do, not from its source; it talks
// to itself only, never to a real bbcp. It is no product: nothing installs it. It imports nothing of ours.
package main

import (
	"fmt"
	"io"
	"os"
)

// version is what -# prints; what it stands in for prints digits and points only.
const version = "14.04.14.00.1-fake"

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

func run(args []string, out, told io.Writer) int {
	if len(args) > 1 && (args[len(args)-1] == sourceRole || args[len(args)-1] == sinkRole) {
		return runHelper(args[len(args)-1], os.Stdin, out, told)
	}
	o, err := parse(args[1:])
	if err != nil {
		say(told, "%v", err)
		return 255
	}
	switch {
	case o.version:
		_, _ = fmt.Fprintln(out, version)
		return 0
	case o.help:
		_, _ = fmt.Fprintln(out, "Usage:   bbcp [Options] [Inspec] Outspec")
		return 0
	}
	if code := o.complete(told); code != 0 {
		return code
	}
	if o.mischief = os.Getenv(mischiefVariable); has(o.mischief, "blame") {
		blame(told)
	}
	return initiate(args[0], o, told)
}

// say tells something the way bbcp does.
func say(told io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(told, "bbcp: "+format+"\n", args...)
}
