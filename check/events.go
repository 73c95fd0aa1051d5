package check

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// history is what the events tell, followed from the first to the last.
type history struct {
	*run
	chained  int64
	tail     int64
	lastHash opsdb.Digest
	lives    map[opsdb.ID]*life
	holders  map[opsdb.ID][]opsdb.ID // file → the packages that hold it
	deleted  map[opsdb.ID]bool       // files with a file.deleted
	lost     map[string]bool         // copies with a copy.lost, which were not found again
	crossed  crossings
	cutOff   map[opsdb.ID]time.Time // task → when its last attempt to send failed
}

// life is one package as the events tell it.
type life struct {
	digest    opsdb.Digest
	size      int64
	verified  map[string]time.Time // locations with a copy that was read back and not lost since, and when that was
	arrived   map[string]time.Time // locations that have all bytes, and since when
	condemned map[string]time.Time
	deleting  map[string]bool   // locations with a copy.deleting that nothing took back
	cut       map[string]bool   // locations with one that was taken back: some files may have gone before
	ordered   map[string]bool   // sites for which a person ever let it leave again: it may be on its way there and elsewhere at one time
	again     map[string]bool   // those of them for which it has not left yet
	let       map[opsdb.ID]bool // tasks that brought it by such an order; what each brought may be read more than once
}

// readEvents checks the chain and judges every event by those before it.
func (r *run) readEvents(ctx context.Context) (*history, error) {
	h := &history{run: r, lives: map[opsdb.ID]*life{}, holders: map[opsdb.ID][]opsdb.ID{}, deleted: map[opsdb.ID]bool{}, lost: map[string]bool{}, crossed: newCrossings(), cutOff: map[opsdb.ID]time.Time{}}
	for id, members := range r.known.members {
		for _, m := range members {
			h.holders[m.File] = append(h.holders[m.File], id)
		}
	}
	for e, err := range r.Store.Events(ctx, 0) {
		if err != nil {
			return nil, fmt.Errorf("read the events: %w", err)
		}
		h.chain(e)
		h.follow(e)
	}
	if h.tail > 0 {
		r.note("events", "%d events are not chained yet", h.tail)
	}
	return h, nil
}

// chain recomputes the hash of one event: sha256 of the previous hash and the
// event as JSON without its own.
func (h *history) chain(e opsdb.Event) {
	if e.Seq == 0 {
		h.tail++
		return
	}
	subject := fmt.Sprintf("event:%d", e.Seq)
	if h.tail > 0 || e.Seq != h.chained+1 {
		h.violate(Audit, subject, "comes after %d chained and %d unchained events", h.chained, h.tail)
	}
	want, err := hashOf(h.lastHash, e)
	if err != nil || want != e.Hash {
		h.violate(Audit, subject, "its hash %q does not follow from the event and the hash before", e.Hash)
	}
	h.chained, h.lastHash = e.Seq, e.Hash
}

func hashOf(before opsdb.Digest, e opsdb.Event) (opsdb.Digest, error) {
	e.Hash = ""
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(before), text...))
	return hexDigest(sum[:]), nil
}

func (h *history) life(pkg opsdb.ID) *life {
	l, ok := h.lives[pkg]
	if !ok {
		l = &life{verified: map[string]time.Time{}, arrived: map[string]time.Time{}, condemned: map[string]time.Time{}, deleting: map[string]bool{}, cut: map[string]bool{}, ordered: map[string]bool{}, again: map[string]bool{}, let: map[opsdb.ID]bool{}}
		if f, known := h.known.packages[pkg]; known {
			l.digest, l.size = f.Package.Digest, f.Package.Size
		}
		h.lives[pkg] = l
	}
	return l
}

// follow judges one event and keeps what it says.
func (h *history) follow(e opsdb.Event) {
	switch e.Kind {
	case opsdb.EventPackaged:
		h.packed(e)
	case opsdb.EventCopyVerified:
		h.verifiedCopy(e)
	case opsdb.EventCopySent:
		h.sentCopy(e)
	case opsdb.EventCopySpoilt:
		delete(h.life(e.Package).arrived, e.Location)
		h.takenAway(e)
	case opsdb.EventTaskFailed, opsdb.EventTaskWithdrawn:
		if h.life(e.Package).verified[e.Location].IsZero() { // what it had brought has no task any more
			h.takenAway(e)
		}
	case opsdb.EventCopyFound:
		delete(h.lost, e.Subject)
	case opsdb.EventQuarantined, opsdb.EventCopyLost:
		if h.lost[e.Subject] {
			return // it is known now where it lies; what stands in its place is another copy
		}
		h.lost[e.Subject] = e.Kind == opsdb.EventCopyLost
		delete(h.life(e.Package).verified, e.Location)
		delete(h.life(e.Package).arrived, e.Location)
		h.takenAway(e)
	case opsdb.EventCondemned:
		h.condemnedCopy(e)
	case opsdb.EventPardoned, opsdb.EventDeletionKept:
		l := h.life(e.Package)
		l.cut[e.Location] = l.cut[e.Location] || l.deleting[e.Location]
		delete(l.condemned, e.Location)
		delete(l.deleting, e.Location)
	case opsdb.EventDeleting:
		h.deletingCopy(e)
	case opsdb.EventDeleted:
		h.deletedCopy(e)
		delete(h.life(e.Package).arrived, e.Location)
		h.takenAway(e)
	case opsdb.EventResend:
		h.life(e.Package).ordered[e.After], h.life(e.Package).again[e.After] = true, true
	case opsdb.EventResendEnded:
		if e.Actor != "engine" { // taken back; what is used up was used by the crossing that came before
			delete(h.life(e.Package).again, e.Before)
		}
	case opsdb.EventFileDeleted:
		h.deletedFile(e)
	}
}

// packed holds a package to one digest for ever (S4).
func (h *history) packed(e opsdb.Event) {
	var born struct {
		Digest opsdb.Digest `json:"digest"`
		Size   int64        `json:"size"`
	}
	if err := json.Unmarshal([]byte(e.After), &born); err != nil {
		h.violate(Audit, e.Subject, "the event of its packing cannot be read: %v", err)
		return
	}
	l := h.life(e.Package)
	if l.digest != "" && born.Digest != l.digest {
		h.violate("S4", e.Subject, "was packed with the digest %s, it has %s", born.Digest, l.digest)
		return
	}
	l.digest, l.size = born.Digest, born.Size
}

func (h *history) verifiedCopy(e opsdb.Event) {
	var r opsdb.Receipt
	if err := json.Unmarshal([]byte(e.After), &r); err != nil {
		h.violate(Audit, e.Subject, "the receipt in event %d cannot be read: %v", e.Seq, err)
		return
	}
	l := h.life(e.Package)
	if r.Digest != l.digest || r.Size != l.size {
		h.violate("S4", e.Subject, "was called verified at %s with the digest %s, it has %s", e.Location, r.Digest, l.digest)
		return
	}
	if r.At.After(e.At) {
		h.violate("S7", e.Subject, "the receipt from %s is from the future", e.Location)
	}
	h.judgeCrossing(e, r, l)
	l.verified[e.Location] = e.At
	delete(l.deleting, e.Location) // a new copy needs a new word
}

// judgeCrossing finds a package that was sent from a send_once site when another site had it. A crossing that began before that is
// let end: its destination may have been out of reach meanwhile. What lies at a processing location is nobody's source.
func (h *history) judgeCrossing(e opsdb.Event, r opsdb.Receipt, l *life) {
	task, ok := h.known.tasks[r.Task]
	from := opsdb.SiteOf(task.From)
	if !ok || from == opsdb.SiteOf(e.Location) || !h.sendsOnce(from) {
		return
	}
	if site := opsdb.SiteOf(e.Location); l.again[site] {
		delete(l.again, site) // once
		l.let[task.ID] = true
	}
	if l.let[task.ID] {
		return
	}
	begun := task.CreatedAt
	if again := h.cutOff[task.ID]; again.After(begun) {
		begun = again
	}
	for _, had := range []map[string]time.Time{l.verified, l.arrived} {
		for location, since := range had {
			first := since.Before(begun) || since.Equal(begun) && !l.ordered[opsdb.SiteOf(location)]
			if opsdb.SiteOf(location) != from && location != e.Location && h.Types[location] != opsdb.Processing && first {
				h.violate(SendOnce, e.Subject, "left %s for %s while %s had it", from, e.Location, location)
				return
			}
		}
	}
}

func (h *history) sendsOnce(site string) bool {
	for _, s := range h.SendOnce {
		if s == site {
			return true
		}
	}
	return false
}
