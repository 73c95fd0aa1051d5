package bbcp

import (
	"fmt"
	"strconv"
	"strings"
)

// reports is how often bbcp is asked to say how far it is, in seconds. At 1 a
// rounding of its own makes it say so hundreds of times in a row.
const reports = 2

// ends says which end of a call is at the other side of the link.
type ends struct{ source, target bool }

// common are the options of every call: -v for the present rate in the
// progress lines, -n against name servers that do not answer, -k so that what arrived before a failure is
// there to be re-read (and in its order, without holes). -w with = binds the windows, without it the kernel sizes them. Never -f, -a or -e.
func (o Options) common() []string {
	window := strconv.FormatInt(o.Window, 10)
	if o.bound {
		window = "=" + window
	}
	args := []string{"-v", "-n", "-k", "-P", strconv.Itoa(reports), "-s", strconv.Itoa(o.Streams), "-w", window}
	if o.Buffer > 0 {
		args = append(args, "-B", strconv.FormatInt(o.Buffer, 10))
	}
	if o.Rate > 0 && o.Rate <= mostNumber { // bbcp cannot say more; a link that carries more is not limited by it
		args = append(args, "-x", strconv.FormatInt(max(o.Rate, leastRate), 10))
	}
	if o.Reverse {
		args = append(args, "-z")
	}
	if o.Ports != "" {
		args = append(args, "-Z", o.Ports)
	}
	return args
}

// starts are -S and -T: how the two sides are started. The one at the other
// end is run by the agent there, under the names of the attempts, so that it can be ended; a name for this end is
// what the other one calls, and bbcp then needs to be told how to start its own side, too.
func (o Options) starts(e ends, attempts string) []string {
	host := o.Host
	if o.Shared != nil {
		host.Share = o.Shared()
	}
	over := strings.Join(append(append(host.Words(), "--", host.Destination()), o.Agent, "agent", "exec", attempts, "--", o.RemoteProgram), " ")
	switch {
	case e.target && o.near(e) != "":
		return []string{"-S", o.Program, "-T", over}
	case e.target:
		return []string{"-T", over}
	case e.source && o.near(e) != "":
		return []string{"-S", over, "-T", o.Program}
	case e.source:
		return []string{"-S", over}
	}
	return nil
}

// near is the name the other end has for this one, if it is to call it.
func (o Options) near(e ends) string {
	// The end that is started first listens, and the other one calls it: the target, with -z the source.
	if e.target && o.Reverse || e.source && !o.Reverse {
		return o.SourceHost
	}
	return ""
}

// names are the attempts of a call, as the agent takes them.
func names(items []*item) string {
	all := make([]string, len(items))
	for i, it := range items {
		all[i] = it.Attempt.Name()
	}
	return strings.Join(all, ",")
}

// place is a path with the host before it, as bbcp reads it.
func (o Options) place(path string, isFar bool, near string) string {
	switch {
	case isFar:
		return bracketed(o.Host.Name) + ":" + path
	case near != "":
		return bracketed(near) + ":" + path
	}
	return path
}

// bracketed keeps the colons of an address from being read as the end of a host.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// single is the call that brings one whole file to its part.
func (o Options) single(it *item, e ends) []string {
	args := append(o.common(), o.starts(e, it.Attempt.Name())...)
	return append(args, o.place(it.from, e.source, o.near(e)), o.place(it.to, e.target, o.near(e)))
}

// several is the call that brings the sources of a list, one a line, into a folder, each under its own name.
func (o Options) several(list, folder string, e ends, attempts string) []string {
	args := append(o.common(), o.starts(e, attempts)...)
	return append(args, "-I", list, o.place(folder, e.target, ""))
}

// tail is the call that brings what follows the first kept bytes: a program
// reads it at the source and another writes it behind them, into the part that is there already.
// Room is not asked for: bbcp would ask for it where the program is.
func (o Options) tail(it *item, e ends) []string {
	args := append(o.common(), o.starts(e, it.Attempt.Name())...)
	read := fmt.Sprintf("dd if=%s iflag=skip_bytes skip=%d bs=1M status=none", it.from, it.kept)
	write := fmt.Sprintf("dd of=%s oflag=seek_bytes seek=%d conv=notrunc,nocreat bs=1M status=none", it.to, it.kept)
	return append(args, "-F", "-N", "io", o.place(read, e.source, o.near(e)), o.place(write, e.target, o.near(e)))
}
