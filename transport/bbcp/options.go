package bbcp

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/transport/ssh"
)

// What bbcp takes, and what it is given when nothing is said.
const (
	mostStreams   = 64 // bbcp takes no more
	fewestStreams = 2  // more begin faster; but each waits for the slowest one, and many short-lived ones crowd each other out
	// standingStreams are the fewest of a standing call: it is alone, lasts, and a lost packet holds up one of them.
	standingStreams = 4
	usualStreams    = 32      // no more than these without being told to
	streamWindow    = 4 << 20 // what one stream is asked to hold while there are streams left
	leastWindow     = 128 << 10
	mostNumber      = 1<<30 - 1 // windows, buffers and rates, in bytes
	leastRate       = 1 << 10
	stall           = 90 * time.Second // less than a stage's own limit for moving
)

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *string
		value string
	}{{&o.Program, "bbcp"}, {&o.RemoteProgram, "bbcp"}, {&o.Agent, "dtctl"}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if o.Stall <= 0 {
		o.Stall = stall
	}
	if o.SegmentSize <= 0 {
		o.SegmentSize = opsdb.SegmentSize
	}
	o.given.streams, o.given.window, o.since = o.Streams, o.Window, clock.Monotonic()
	if o.lookup == nil {
		o.lookup = net.DefaultResolver.LookupHost
	}
	if o.Standing != nil {
		o.since = o.Standing.clock()
	}
	o.Streams, o.Window = Tuned(o.Bandwidth, o.RTT, max(o.AtOnce, 1), o.Streams, o.Window)
	return o
}

// Tuned returns the streams of one call and the window of each for a link of
// bandwidth bytes a second that so many calls share: the streams of all of them are as many as hold what is on the way
// (bandwidth × rtt) with usual windows, and the windows so large that a call which is alone holds all of it.
// What is given (not 0) is kept.
func Tuned(bandwidth int64, rtt time.Duration, atOnce, streams int, window int64) (int, int64) {
	way := int64(float64(bandwidth) * rtt.Seconds())
	if streams <= 0 {
		each := way / int64(atOnce)
		streams = int(min(max((each+streamWindow-1)/streamWindow, fewestStreams), usualStreams))
	}
	if window <= 0 {
		const step = 64 << 10
		window = (way/int64(streams) + step - 1) / step * step
		window = min(max(window, leastWindow), mostNumber/step*step)
	}
	return streams, window
}

// check refuses what bbcp would not take, and words that could mean more than themselves (S11).
func (o Options) check() error {
	if o.Host.Name != "" {
		if err := o.Host.Check(); err != nil {
			return err
		}
	}
	for name, word := range map[string]string{"program": o.Program, "remote_program": o.RemoteProgram, "agent": o.Agent} {
		if !ssh.ProgramWord(word) {
			return fmt.Errorf("%s %q is no program's name or absolute path of plain letters", name, word)
		}
	}
	if o.SourceHost != "" && !ssh.Word(o.SourceHost) {
		return fmt.Errorf("source_host %q is no host's name or address", o.SourceHost)
	}
	switch {
	case o.Streams < 1 || o.Streams > mostStreams:
		return fmt.Errorf("streams: %d is not between 1 and %d", o.Streams, mostStreams)
	case o.Window < 8<<10 || o.Window > mostNumber:
		return fmt.Errorf("window: %d bytes is not between 8 KiB and 1 GiB", o.Window)
	case o.Buffer != 0 && (o.Buffer < 4<<10 || o.Buffer > mostNumber):
		return fmt.Errorf("buffer: %d bytes is not between 4 KiB and 1 GiB", o.Buffer)
	case o.Rate < 0:
		return fmt.Errorf("rate: %d is less than nothing", o.Rate)
	}
	return checkPorts(o.Ports)
}

func checkPorts(ports string) error {
	if ports == "" {
		return nil
	}
	first, last, ranged := strings.Cut(ports, ":")
	if !ranged {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	if err != nil || err2 != nil || a < 1 || a > b {
		return fmt.Errorf("ports: %q is not a range of ports as 5031:5039", ports)
	}
	return nil
}
