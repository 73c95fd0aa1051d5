package bbcp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/storage"
	"github.com/ccatobs/cdt/transport/ssh"
)

// Reasons of failures of bbcp's own, beside those of package ssh and of storage.
const stalled = "stalled" // a call moved nothing

// whose says whom a complaint of bbcp is about.
type whose int

const (
	theLink whose = iota
	theWay        // the link, if there is one between the ends
	theTarget
	theSettings
	theAttempt
)

// complaint is what one text of bbcp means. What it says decides before its exit code does:
// the codes are those of whatever failed last.
type complaint struct {
	text   string // part of a line, in small letters
	whose  whose
	reason string
	kind   error // the storage's error it stands for
	hint   string
}

func complaints() []complaint {
	const (
		ports = "let the ports of bbcp through the firewalls (bbcp: {ports: …}), or let the other end call (bbcp: {reverse: true, source_host: …})"
		name  = "correct the host name of the link, or enter it where the worker looks names up"
	)
	return []complaint{
		{"insufficient space to c", theTarget, "full", storage.ErrFull, ""},
		{"no space left on device", theTarget, "full", storage.ErrFull, ""},
		{"disk quota exceeded", theTarget, "full", storage.ErrFull, ""},
		{"read-only file system", theTarget, "read_only", storage.ErrReadOnly, ""},
		{"permission denied opening", theTarget, "refused", storage.ErrDenied, ""},
		{"permission denied creating", theTarget, "refused", storage.ErrDenied, ""},
		{"permission denied (agent take)", theTarget, "refused", storage.ErrDenied, ""},
		{"(agent take)", theAttempt, "", nil, ""},
		{"already exists", theAttempt, "", fs.ErrExist, ""},
		{"unable to connect to port", theLink, ssh.Unreachable, nil, ports},
		{"unable to connect to", theLink, ssh.Unreachable, nil, name},
		{"unable to allocate more than", theLink, ssh.Unreachable, nil, ports},
		{"invalid login", theLink, ssh.Unreachable, nil, "something else answers on bbcp's ports: give the link ports of its own (bbcp: {ports: …})"},
		{"binding socket", theLink, "no_port", nil, "all ports of bbcp are taken: give the link more (bbcp: {ports: …})"},
		{"invalid option", theSettings, "", nil, "that bbcp is not one this driver knows; see the page about bbcp"},
		{"connection reset by peer", theWay, ssh.Lost, nil, "it is tried again by itself"},
		{"connection timed out", theWay, ssh.Lost, nil, "it is tried again by itself"},
		{"unexpected end of control stream", theWay, ssh.Lost, nil, "it is tried again by itself"},
	}
}

// failure says why a call did not bring an item: by looking at both ends, by what was said, and
// only then by the exit code.
func (s *sending) failure(ctx context.Context, c *call, it *item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if it.err != nil {
		return it.err
	}
	if err := s.checkSource(ctx, it); err != nil {
		return err
	}
	f, err := s.judge(c, it)
	if bad := c.check(ctx); bad != nil && f.Class != opsdb.BadConfig && !s.aboutLink(f) {
		return s.targetFailed(ctx, it, errors.Join(bad, err))
	}
	result := failed(ctx, f, err)
	if s.aboutLink(f) && ctx.Err() == nil {
		s.down = result
	}
	return result
}

// check looks at the destination, once after a call.
func (c *call) check(ctx context.Context) error {
	if !c.checked {
		_, c.bad = c.items[0].Target.Check(ctx)
		c.checked = true
	}
	return c.bad
}

func (s *sending) aboutLink(f opsdb.Failure) bool { return f.Subject == "link:"+s.opts.Link }

// judge classifies the end of a call by what was said and its exit code.
func (s *sending) judge(c *call, it *item) (opsdb.Failure, error) {
	text := c.out.text()
	link := opsdb.Failure{Class: opsdb.Environment, Subject: "link:" + s.opts.Link}
	doing := fmt.Sprintf("send %s to %s by bbcp", it.Path, it.Target.Location())
	if errors.Is(c.err, exec.ErrNotFound) || errors.Is(c.err, fs.ErrNotExist) || errors.Is(c.err, fs.ErrPermission) {
		f := opsdb.Failure{Class: opsdb.BadConfig, Reason: ssh.NoProgram}
		return f, fmt.Errorf("%s: %w: bring bbcp to this host, or name its path (bbcp: {program: …})", doing, c.err)
	}
	if f, ok := missingProgram(s.opts, text); ok {
		return f, fmt.Errorf("%s: %s", doing, f.Text)
	}
	for _, known := range complaints() {
		line, ok := lineWith(text, known.text)
		if !ok {
			continue
		}
		if known.whose == theWay && !c.ends.source && !c.ends.target {
			known.whose, known.hint = theAttempt, ""
		}
		return s.known(known, it, fmt.Sprintf("%s: %s", doing, line))
	}
	far := c.ends.source || c.ends.target
	switch {
	case errors.Is(c.err, errStalled):
		link.Reason = stalled
		if !far {
			link = opsdb.Failure{Class: opsdb.Transient}
		}
		return link, fmt.Errorf("%s: %w; it was ended; last words: %s", doing, c.err, lastLine(text))
	case far && ssh.Known(text, c.code):
		f := ssh.Classify(s.opts.Link, text, c.code, c.err)
		return f, fmt.Errorf("%s: %s", doing, f.Text)
	}
	if c.err != nil && strings.Contains(c.err.Error(), segfault) && !s.opts.ownNameKnown() {
		host, _ := os.Hostname()
		return opsdb.Failure{Class: opsdb.BadConfig, Reason: "own_name"},
			fmt.Errorf("%s: it crashed; bbcp looks up the name of its own host, and %q cannot be found: enter it into /etc/hosts here", doing, host)
	}
	return opsdb.Failure{Class: opsdb.Transient}, fmt.Errorf("%s: it ended with %s and not all bytes; last words: %s", doing, ended(c), lastLine(text))
}

// segfault is how a program's end is told that wrote where it should not.
const segfault = "segmentation fault"

// ownNameKnown reports whether this host's name can be looked up; bbcp crashes where it cannot.
func (o Options) ownNameKnown() bool {
	host, err := os.Hostname()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = o.lookup(ctx, host)
	return err == nil
}

// known makes the failure of a known complaint.
func (s *sending) known(c complaint, it *item, text string) (opsdb.Failure, error) {
	err := errors.New(text)
	if c.kind != nil {
		err = fmt.Errorf("%s: %w", text, c.kind)
	}
	if c.hint != "" {
		err = fmt.Errorf("%w: %s", err, c.hint)
	}
	f := opsdb.Failure{Class: opsdb.Environment, Reason: c.reason}
	switch c.whose {
	case theLink, theWay:
		f.Subject = "link:" + s.opts.Link
	case theTarget:
		f.Subject = "location:" + it.Target.Location()
	case theSettings:
		f.Class = opsdb.BadConfig
	case theAttempt:
		f.Class, f.Reason = opsdb.Transient, ""
	}
	return f, err
}

// missingProgram recognises that bbcp, the agent or dd is not where it was looked for.
func missingProgram(o Options, text string) (opsdb.Failure, bool) {
	for _, mark := range []string{"executing ", ": command not found", ": not found", ": no such file or directory", "executable file not found"} {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if !strings.Contains(strings.ToLower(line), mark) || mark == ": not found" && strings.HasPrefix(line, "bbcp: Target") {
				continue
			}
			for name, program := range map[string]string{"agent": o.Agent, "remote_program": o.RemoteProgram, "ssh": o.Host.Words()[0]} {
				if strings.Contains(line, " "+program+" ") || strings.Contains(line, program+":") && !strings.HasPrefix(line, "bbcp: ") || strings.Contains(line, `"`+program+`"`) {
					return opsdb.Failure{
						Class: opsdb.BadConfig, Reason: ssh.NoProgram,
						Text: fmt.Sprintf("%s: bring %s to that host, or name its path there (bbcp: {%s: …})", line, program, name),
					}, true
				}
			}
		}
	}
	return opsdb.Failure{}, false
}

func ended(c *call) string {
	if c.code < 0 {
		return fmt.Sprint(c.err)
	}
	return fmt.Sprintf("exit code %d", c.code)
}

func lineWith(text, part string) (string, bool) {
	for line := range strings.Lines(text) {
		if strings.Contains(strings.ToLower(line), part) {
			return strings.TrimSpace(line), true
		}
	}
	return "", false
}

// lastLine is what was said last, shortened.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return "none"
	}
	last := text[strings.LastIndexByte(text, '\n')+1:]
	return last[:min(len(last), 300)]
}
