package graph

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/ccatobs/cdt/engine/diag"
	"github.com/ccatobs/cdt/engine/route"
)

// Far is how a link's driver reaches the host at the other end, and how a
// transport over ssh is called. Empty words and zeros: the program's own default.
type Far struct {
	Host       string // never empty: the other site's name if not said
	Port       int
	User       string
	Key        string // absolute path
	KnownHosts string // absolute path
	SSH        string // program here
	Program    string // of the transport, here
	Remote     string // of the transport, at the other end
	Agent      string // dtctl at the other end
	Rate       int64  // bit/s, over all sends at once; 0: no cap but the link's limits

	// bbcp's own
	Streams    int
	Window     int64 // bytes
	Reverse    bool
	SourceHost string
	Ports      string // "first:last"
	Buffer     int64  // bytes
}

// What may stand in the words of a call (S11).
var (
	farWord = regexp.MustCompile(`^[A-Za-z0-9._:][A-Za-z0-9._:-]*$`)
	farFile = regexp.MustCompile(`^/[A-Za-z0-9._/+@,=~-]*$`)
)

// far reads the block named like the transport of a link.
func (c *compiler) far(in *route.Link, l *Link) {
	if l.Transport == "local" || l.Transport == "" {
		return
	}
	o := in.Options
	other := l.To.Name
	if l.Driver == l.To.Name {
		other = l.From.Name
	}
	l.Far = &Far{
		Host: c.farText(o, "host", isWord), Port: o.Int("port").V, User: c.farText(o, "user", isWord),
		Key: c.farText(o, "key", isFile), KnownHosts: c.farText(o, "known_hosts", isFile),
		SSH: c.farText(o, "ssh", isProgram), Program: c.farText(o, "program", isProgram), Remote: c.farText(o, "remote_program", isProgram),
		Agent: c.farText(o, "agent", isProgram), Rate: o.Size("rate").V,
		Streams: o.Int("streams").V, Window: o.Size("window").V, Reverse: o.Bool("reverse").V,
		SourceHost: c.farText(o, "source_host", isWord), Ports: c.farText(o, "ports", isPorts), Buffer: o.Size("buffer").V,
	}
	if l.Far.Host == "" {
		l.Far.Host = other
	}
	if p := o.Int("port"); p.V > mostPort {
		c.list.Errorf(p.At, diag.OddWord, "1 to 65535", "port %d cannot be", p.V)
	}
	for _, key := range []string{"rate", "window", "buffer"} {
		if v := o.Size(key); v.Set && v.V == 0 {
			c.list.Errorf(v.At, diag.TooLittle, "leave it out", "the %s of %s is zero", key, l.Name())
		}
	}
	c.bbcpTakes(o, l)
}

const mostPort = 65535

// What bbcp takes; beyond it a call would end before it began.
const (
	mostStreams = 64
	leastWindow = 8 << 10
	leastBuffer = 4 << 10
	mostWindow  = 1<<30 - 1
)

// bbcpTakes refuses what bbcp would.
func (c *compiler) bbcpTakes(o route.Fields, l *Link) {
	if v := o.Int("streams"); v.V > mostStreams {
		c.list.Errorf(v.At, diag.OddWord, "bbcp takes 1 to 64", "%s cannot have %d streams", l.Name(), v.V)
	}
	for key, least := range map[string]int64{"window": leastWindow, "buffer": leastBuffer} {
		if v := o.Size(key); v.V != 0 && (v.V < least || v.V > mostWindow) {
			c.list.Errorf(v.At, diag.OddWord, fmt.Sprintf("bbcp takes %dKiB to less than 1GiB", least>>10), "the %s of %s cannot be %d bytes", key, l.Name(), v.V)
		}
	}
}

// farText is a word that comes to stand in a command, and so may be nothing but a word.
func (c *compiler) farText(o route.Fields, key string, good func(string) (hint string, ok bool)) string {
	v := o.String(key)
	if !v.Set && v.V == "" {
		return ""
	}
	if hint, ok := good(v.V); !ok {
		c.list.Errorf(v.At, diag.OddWord, hint, "%s %q may not stand in a command", key, v.V)
		return ""
	}
	return v.V
}

func isWord(s string) (hint string, ok bool) {
	return "letters, digits and . _ : -, and no - at the beginning", farWord.MatchString(s)
}

func isFile(s string) (hint string, ok bool) {
	return "an absolute path of letters, digits and . _ / + @ , = ~ -", farFile.MatchString(s)
}

func isProgram(s string) (hint string, ok bool) {
	plain := farWord.MatchString(s) && path.Base(s) == s
	return "a program's name, or its absolute path, without options", plain || farFile.MatchString(s)
}

func isPorts(s string) (hint string, ok bool) {
	first, last, found := strings.Cut(s, ":")
	a, err1 := strconv.Atoi(first)
	b, err2 := strconv.Atoi(last)
	return "for example 5031:5059", found && err1 == nil && err2 == nil && 1 <= a && a <= b && b <= mostPort
}
