package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// events reads what was chained since the last look. What began and ended in
// between is said too; at the first look, and after OpsDB was restored, only what is so now.
func (n *Notifier) events(ctx context.Context, s *state, now time.Time) error {
	silent, before := s.Seq == 0, s.open()
	for e, err := range n.source.Events(ctx, s.Seq) {
		if err != nil {
			return fmt.Errorf("read the events: %w", err)
		}
		if e.Seq == 0 {
			break // not chained yet: they come last
		}
		s.follow(e, now)
		s.take(e, now)
	}
	if silent {
		s.onlyNow(before)
	}
	return nil
}

// follow holds one event against the chain.
func (s *state) follow(e opsdb.Event, now time.Time) {
	hash := e.Hash
	e.Hash = ""
	body, err := json.Marshal(e)
	sum := sha256.Sum256(append([]byte(s.Hash), body...))
	switch {
	case e.Seq != s.Seq+1:
		s.begin(broken(e.Seq, fmt.Sprintf("event %d follows event %d", e.Seq, s.Seq), now), now)
	case err != nil || string(hash) != hex.EncodeToString(sum[:]):
		s.begin(broken(e.Seq, fmt.Sprintf("event %d has another content than was chained", e.Seq), now), now)
	}
	s.Seq, s.Hash = e.Seq, hash
}

func broken(seq int64, text string, now time.Time) Notice {
	return Notice{Key: string(AuditBroken), Cause: AuditBroken, Subject: "audit", Since: now, Reason: fmt.Sprint(seq),
		Text: "the audit chain is broken: " + text, Hint: "`dtctl audit verify` reads it again; compare with a backup"}
}

// take turns an event into something that begins or is over.
func (s *state) take(e opsdb.Event, now time.Time) {
	if begins, ok := beginning(e); ok {
		if _, said := s.Open[at(Lost, e.Package, e.Location)]; e.Before == string(opsdb.Lost) && !said {
			return // a lost copy was found to lie in quarantine when another one stood in its place
		}
		s.begin(begins, now)
		return
	}
	for _, key := range ends(e) {
		s.end(key, now)
	}
}

// at is the key of a package's copy at a location; location "" is the package itself.
func at(c Cause, pkg opsdb.ID, location string) string {
	return string(c) + "|" + string(pkg) + "|" + location
}

func beginning(e opsdb.Event) (Notice, bool) {
	n := Notice{Subject: e.Subject, Package: e.Package, Location: e.Location, Reason: e.Why, Since: e.At}
	where := "at " + e.Location
	switch e.Kind {
	case opsdb.EventQuarantined:
		n.Cause, n.Key = Quarantined, at(Quarantined, e.Package, e.Location)
		if e.Location == "" {
			where = "as a whole"
		}
		n.Text, n.Hint = fmt.Sprintf("quarantined %s: %s", where, e.Why), "a good copy replaces it if there is one; `dtctl why` shows the package"
	case opsdb.EventCopyLost:
		n.Cause, n.Key = Lost, at(Lost, e.Package, e.Location)
		n.Text, n.Hint = fmt.Sprintf("its copy %s is lost: %s", where, e.Why), "it is made again from a good copy if there is one; `dtctl why` shows the package"
	case opsdb.EventFileKept:
		n.Cause, n.Key = FileKept, string(FileKept)+"|"+e.Subject
		n.Text, n.Hint = fmt.Sprintf("a source file %s differs from what was archived and was not deleted: %s", where, e.Why), "compare "+e.Subject+" with its member and decide which one is right"
	case opsdb.EventFileUnlike:
		n.Cause, n.Key = FileUnlike, string(FileUnlike)+"|"+e.Subject
		n.Text, n.Hint = fmt.Sprintf("a source file %s is not what its instrument announced, and was packed as it is: %s", where, e.Why), "compare "+e.Subject+" with what the instrument has before the source is cleaned; `dtctl hold` keeps it"
	default:
		return n, false
	}
	return n, true
}

// ends are the keys of what an event puts right.
func ends(e opsdb.Event) []string {
	switch e.Kind {
	case opsdb.EventCopyVerified, opsdb.EventDeleted:
		return []string{at(Quarantined, e.Package, e.Location), at(Lost, e.Package, e.Location)}
	case opsdb.EventPackaged:
		return []string{at(Quarantined, e.Package, "")}
	case opsdb.EventFileDeleted, opsdb.EventFileChanged:
		return []string{string(FileKept) + "|" + e.Subject, string(FileUnlike) + "|" + e.Subject}
	}
	return nil
}

// chain reads the whole chain now and then: an old event may be changed later.
func (n *Notifier) chain(ctx context.Context, s *state, now time.Time) error {
	if s.Checked.IsZero() {
		s.Checked = now // the first look read all of it
	}
	if now.Sub(s.Checked) < n.cfg.Chain {
		return nil
	}
	c, err := n.source.VerifyChain(ctx)
	if err != nil {
		return fmt.Errorf("verify the audit chain: %w", err)
	}
	s.Checked = now
	var found []Notice
	if c.Broken > 0 {
		found = []Notice{broken(c.Broken, c.Text, now)}
	}
	s.compare(found, now, AuditBroken)
	return nil
}

// onlyNow drops what was to be said, but for what has changed from before to now.
func (s *state) onlyNow(before map[string]bool) {
	var said []Notice
	for _, n := range slices.Backward(s.said) {
		told := slices.ContainsFunc(said, func(x Notice) bool { return x.Key == n.Key })
		_, isOpen := s.Open[n.Key]
		if !told && isOpen != before[n.Key] && isOpen == (n.State == Open) {
			said = append(said, n)
		}
	}
	slices.Reverse(said)
	s.said = said
}
