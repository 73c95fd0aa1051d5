package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	sourceRole = "SRC"
	sinkRole   = "SNK"
)

// helper is the source or the sink process.
type helper struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	name string
	code chan int
}

// initiate starts both helpers, brings them together and waits for them.
func initiate(self string, o options, told io.Writer) int {
	o.secret = strconv.Itoa(os.Getpid())
	sources, target := o.files[:len(o.files)-1], o.files[len(o.files)-1]
	first, second := sinkRole, sourceRole
	if o.has('z') {
		first, second = second, first
	}
	specs := map[string][]spec{sourceRole: sources, sinkRole: {target}}
	a, err := start(self, first, specs[first][0], o)
	if err != nil {
		say(told, "%v", err)
		return 255
	}
	a.arguments(o, "none:0", specs[first], len(sources) > 1)
	line, _ := a.out.ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(line), "200 Port: ")
	if !ok {
		say(told, "bbcp unexpectedly terminated on %s", a.name)
		<-a.code
		return 255
	}
	b, err := start(self, second, specs[second][0], o)
	if err != nil {
		say(told, "%v", err)
		return 255
	}
	b.arguments(o, net.JoinHostPort(callback(specs[first][0]), port), specs[second], len(sources) > 1)
	begun := time.Now()
	sink := a
	if second == sinkRole {
		sink = b
	}
	end, _ := sink.out.ReadString('\n')
	code := finish(a, b)
	if !has(o.mischief, "quick") {
		time.Sleep(time.Second) // so that errors are reported
	}
	if files, bytes, ok := ended(end); ok && code == 0 && o.has('v') && bytes > 0 {
		rate := float64(bytes) / max(0.001, time.Since(begun).Seconds())
		plural := map[bool]string{true: "", false: "s"}[files == 1]
		_, _ = fmt.Fprintf(told, "%d file%s copied at effectively %s\n", files, plural, scaled(rate))
	}
	return code
}

// finish waits for both; the first bad end ends the other as well.
func finish(a, b *helper) int {
	left := []*helper{a, b}
	for len(left) > 0 {
		var code int
		select {
		case code = <-a.code:
			left, a.code = remove(left, a), nil
		case code = <-b.code:
			left, b.code = remove(left, b), nil
		}
		if code != 0 {
			for _, h := range left {
				_ = h.cmd.Process.Signal(syscall.SIGTERM)
			}
			return code
		}
	}
	return 0
}

func remove(from []*helper, one *helper) []*helper {
	var rest []*helper
	for _, h := range from {
		if h != one {
			rest = append(rest, h)
		}
	}
	return rest
}

// start starts a helper: here, or by the command of -S or -T if its place has a host.
func start(self, role string, s spec, o options) (*helper, error) {
	argv := []string{self, role}
	name := "localhost"
	if s.host != "" || s.user != "" {
		letter, command := byte('T'), "ssh -x -a -l %U %H bbcp"
		if role == sourceRole {
			letter = 'S'
		}
		if o.has(letter) {
			command = o.set[letter]
		}
		argv, name = nil, s.host
		for word := range strings.FieldsSeq(command) {
			switch word {
			case "%U":
				word = s.user
			case "%H":
				word = s.host
			case "%I", "%4":
				continue
			}
			argv = append(argv, word)
		}
		argv = append(argv, role)
	}
	h := &helper{cmd: exec.Command(argv[0], argv[1:]...), name: name, code: make(chan int, 1)}
	h.cmd.Stderr = os.Stderr
	in, _ := h.cmd.StdinPipe()
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	h.in, h.out, h.cmd.Stdout = in, bufio.NewReader(out), w
	if err := h.cmd.Start(); err != nil {
		say(os.Stderr, "%s executing %s %s", words(err), argv[0], role)
		return nil, fmt.Errorf("bbcp unexpectedly terminated on %s", name)
	}
	_ = w.Close()
	go h.wait()
	return h, nil
}

// wait gives the exit code; 255 for one that was killed.
func (h *helper) wait() {
	err := h.cmd.Wait()
	code := h.cmd.ProcessState.ExitCode()
	if err != nil && code < 0 {
		code = 255
	}
	h.code <- code
}

// arguments are sent through the helper's standard input.
func (h *helper) arguments(o options, peer string, files []spec, many bool) {
	var b strings.Builder
	for letter, value := range o.set {
		if strings.IndexByte("STI", letter) < 0 {
			fmt.Fprintf(&b, "%c%s\x01", letter, value)
		}
	}
	if many {
		b.WriteString("M\x01")
	}
	fmt.Fprintf(&b, "H%s\x01Y%s\x01X%s\n", peer, o.secret, o.mischief)
	for _, f := range files {
		b.WriteString(f.path + "\n")
	}
	b.WriteByte(0)
	_, _ = io.WriteString(h.in, b.String())
}

// callback is the name under which the first helper is called by the second.
func callback(s spec) string {
	if s.host == "" {
		return "127.0.0.1"
	}
	return s.host
}

func ended(line string) (files int, bytes int64, ok bool) {
	n, _ := fmt.Sscanf(line, "200 End: %d %d", &files, &bytes)
	return files, bytes, n == 2
}
