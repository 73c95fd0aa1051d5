package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Command runs a program that finds the message as JSON on its standard input.
// Nothing of it is in the argument list or the environment (S11), and no shell
// is called. Exit code 0 is a delivery.
type Command struct {
	Label string   // its Name; "command"
	Args  []string // the program and its fixed arguments, as in the settings
}

// Name implements [Sink].
func (c Command) Name() string { return or(c.Label, "command") }

// Send implements [Sink]. If ctx ends, the program and what it started are killed.
func (c Command) Send(ctx context.Context, m Message) error {
	if len(c.Args) == 0 {
		return fmt.Errorf("tell %s: no program is named", c.Name())
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("tell %s: %w", c.Name(), err)
	}
	said := &head{}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(body), said
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("tell %s: %s: %w%s", c.Name(), c.Args[0], err, said)
	}
	return nil
}

// environment is what a program needs to be found and to run: our own settings may hold secrets.
func environment() []string {
	var out []string
	for _, name := range []string{"PATH", "HOME", "LANG", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+v)
		}
	}
	return out
}

// head keeps the beginning of what is written to it.
type head struct{ text []byte }

const headBytes = 1 << 10

// Write implements [io.Writer].
func (h *head) Write(b []byte) (int, error) {
	h.text = append(h.text, b[:min(len(b), headBytes-len(h.text))]...)
	return len(b), nil
}

func (h *head) String() string {
	if len(h.text) == 0 {
		return ""
	}
	return ": " + strings.Join(strings.Fields(string(h.text)), " ")
}
