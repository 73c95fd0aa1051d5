package check

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// Link is what went over one link, as the events tell it.
type Link struct {
	Link     string `json:"link"`
	Packages int    `json:"packages"` // different ones; one that was also staged counts for itself
	Unique   int64  `json:"unique"`   // bytes of those packages
	Sent     int64  `json:"sent"`     // bytes that crossed the link
	Kept     int64  `json:"kept"`     // bytes of earlier attempts that did not cross again
	// Faults are the bytes of Sent that a fault cost: of attempts that failed,
	// and of packages that had to come again because their copy was spoilt, corrupt, lost or deleted.
	Faults int64 `json:"faults"`
}

// slack is by how many percent more than its packages and the faults may cross a link.
const slack = 3

// crossing is the way of one package over one link. What a person asked for
// goes to be processed and is unpacked there: nothing can be archived from it,
// so that it crosses for itself.
type crossing struct {
	pkg    opsdb.ID
	link   string
	staged string // the processing location it went to; "" if it went to be kept
}

// way is the crossing that an event at a location tells of.
func (h *history) way(e opsdb.Event, link string) crossing {
	c := crossing{pkg: e.Package, link: link}
	if h.Types[e.Location] == opsdb.Processing {
		c.staged = e.Location
	}
	return c
}

// crossings follows what crosses the links, from event to event.
type crossings struct {
	links map[string]*Link
	// there says whether all bytes are at the far end now; a way without an entry was never begun,
	// one with false was interrupted, or what it brought was taken away.
	there map[crossing]bool
	came  map[crossing]bool // all bytes were there once
}

func newCrossings() crossings {
	return crossings{links: map[string]*Link{}, there: map[crossing]bool{}, came: map[crossing]bool{}}
}

// sentCopy counts what one attempt brought. That a package comes again is a
// fault's cost only if something took away what had come.
func (h *history) sentCopy(e opsdb.Event) {
	var s opsdb.Sent
	if err := json.Unmarshal([]byte(e.After), &s); err != nil {
		h.violate(Audit, e.Subject, "what event %d says was sent cannot be read: %v", e.Seq, err)
		return
	}
	l, over, size := h.link(s.Link), h.way(e, s.Link), h.life(e.Package).size
	if _, begun := h.crossed.there[over]; !begun {
		h.crossed.there[over] = false
		l.Packages++
		l.Unique += size
	}
	l.Sent += s.Bytes
	l.Kept += s.Kept
	if !s.Arrived {
		h.cutOff[opsdb.ID(strings.TrimPrefix(e.Before, "task:"))] = e.At
	}
	if !s.Arrived || h.crossed.came[over] && !h.crossed.there[over] {
		l.Faults += s.Bytes
	}
	if s.Arrived {
		h.life(e.Package).arrived[e.Location] = e.At
		h.crossed.there[over], h.crossed.came[over] = true, true
	}
}

func (h *history) link(name string) *Link {
	if h.crossed.links[name] == nil {
		h.crossed.links[name] = &Link{Link: name}
	}
	return h.crossed.links[name]
}

// takenAway takes note that what arrived at a location is not there, or not good.
func (h *history) takenAway(e opsdb.Event) {
	for over, there := range h.crossed.there {
		if there && over == h.way(e, over.link) && strings.HasSuffix(over.link, ">"+opsdb.SiteOf(e.Location)) {
			h.crossed.there[over] = false
		}
	}
}

// judgeLinks holds what crossed each link against what had to.
func (h *history) judgeLinks() (out []Link) {
	for _, name := range slices.Sorted(maps.Keys(h.crossed.links)) {
		l := *h.crossed.links[name]
		if (l.Sent-l.Faults)*100 > l.Unique*(100+slack) {
			h.violate(Crossed, "link:"+name, "%d bytes crossed it for %d packages of %d bytes; faults explain %d", l.Sent, l.Packages, l.Unique, l.Faults)
		}
		out = append(out, l)
	}
	return out
}
