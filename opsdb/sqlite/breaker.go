package sqlite

import (
	"fmt"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// breaker is what is kept of a location or link that fails.
type breaker struct {
	table, name string
	reason      *string // not nil: it is down
	until       *int64  // of its next probe; nil: a worker says when it is up
	failures    int     // in a row
	succeeded   *int64
	blamed      opsdb.ID
	pause       int64
	probe       opsdb.ID
}

// breakerOf reads the breaker of a subject, "location:…" or "link:…".
func (t *tx) breakerOf(subject string) (b breaker, found bool, err error) {
	kind, name, _ := strings.Cut(subject, ":")
	if kind != "location" && kind != "link" {
		return b, false, nil
	}
	b = breaker{table: kind, name: name}
	found, err = t.get([]any{&b.reason, &b.until, &b.failures, &b.succeeded, &b.blamed, &b.pause, &b.probe},
		`SELECT down_reason, down_until, failures, succeeded_at, blamed, pause, probe FROM `+kind+` WHERE name = ?`, name)
	return b, found, err
}

// breaks counts an environment failure for the breaker of its subject. It
// reports whether others succeeded there since this task failed there before.
func (t *tx) breaks(j job, f opsdb.Failure) (others bool, err error) {
	b, found, err := t.breakerOf(f.Subject)
	if err != nil || !found {
		return false, err
	}
	if last := j.Failure; last != nil && last.Class == opsdb.Environment && last.Subject == f.Subject {
		others = timeOf(b.succeeded).After(last.At)
	}
	if err := t.exec(`UPDATE `+b.table+` SET failures = failures + 1, failed_at = ?, blamed = ? WHERE name = ?`, us(t.now), string(j.Package), b.name); err != nil {
		return others, err
	}
	switch plain := b.table == "location" && f.Plain(); {
	case b.reason != nil && (b.until == nil || b.probe != j.Package):
		return others, nil // known: a worker reports it, or it was under way when the breaker opened
	case b.reason != nil || plain || b.failures+1 >= opsdb.BreakerFailures:
		return others, t.opens(b, f, plain)
	}
	return others, nil
}

// opens opens a breaker, or opens it again because its probe failed: then its pause doubles.
func (t *tx) opens(b breaker, f opsdb.Failure, plain bool) error {
	pause, longest := opsdb.BreakerPauses(b.table)
	if b.pause > 0 {
		pause = min(2*time.Duration(b.pause)*time.Microsecond, longest)
	}
	reason, words := "breaker", fmt.Sprintf("%d failures in a row, the last one: %s", b.failures+1, strings.TrimPrefix(f.Reason+": "+f.Text, ": "))
	if plain {
		reason, words = f.Reason, f.Text
	}
	if err := t.exec(`UPDATE `+b.table+` SET down_reason = ?, down_text = ?, down_since = coalesce(down_since, ?), down_until = ?, pause = ?, probe = '' WHERE name = ?`,
		reason, words, us(t.now), us(t.now.Add(pause)), pause.Microseconds(), b.name); err != nil {
		return err
	}
	t.breakerEvent(b, opsdb.EventBreakerOpened, "", words, reason)
	if b.reason != nil {
		return nil // who waits for it waits on
	}
	return t.touchMoves(b.table, b.name)
}

func (t *tx) breakerEvent(b breaker, kind string, pkg opsdb.ID, why, after string) {
	t.event(opsdb.Event{Kind: kind, Subject: b.table + ":" + b.name, Package: pkg, Location: locationOnly(b.table, b.name), Why: why, After: after})
}

// worked closes the breakers of what a task has just used well.
func (t *tx) worked(j job, out opsdb.Outcome) error {
	if out.Corrupt != nil {
		return nil
	}
	subjects := []string{"location:" + j.To}
	if j.Piece != opsdb.Receive {
		subjects = append(subjects, "location:"+j.From, "link:"+j.Link)
	}
	for _, subject := range subjects {
		kind, name, _ := strings.Cut(subject, ":")
		n, err := t.execN(`UPDATE `+kind+` SET succeeded_at = ?1, failures = 0 WHERE name = ?2 AND failed_at >= coalesce(succeeded_at, 0)`, us(t.now), name)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := t.closes(subject); err != nil {
				return err
			}
		}
	}
	return nil
}

// closes ends a breaker, unless a worker says that its location is down.
func (t *tx) closes(subject string) error {
	b, found, err := t.breakerOf(subject)
	if err != nil || !found || b.reason != nil && b.until == nil {
		return err
	}
	if b.reason == nil {
		return t.exec(`UPDATE `+b.table+` SET pause = 0 WHERE name = ? AND pause > 0`, b.name)
	}
	return t.comesUp(b.table, b.name)
}

// halfOpen lets one package through each breaker whose pause is over.
func (t *tx) halfOpen(now time.Time) error {
	for _, table := range []string{"link", "location"} {
		names, err := query(&t.view, tables.ScanID, `SELECT name FROM `+table+` WHERE down_until <= ?`, us(now))
		if err != nil {
			return err
		}
		for _, name := range names {
			b, _, err := t.breakerOf(table + ":" + string(name))
			if err != nil {
				return err
			}
			if err := t.probes(b, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// probeTime is how long a package may take to go out as a probe before another one is asked.
const probeTime = 2 * time.Minute

func (t *tx) probes(b breaker, now time.Time) error {
	busy, err := t.count(`SELECT count(*) FROM task WHERE package = ?1 AND state IN ('scheduled', 'in_progress') AND ?2 IN (from_loc, to_loc, link)`, string(b.probe), b.name)
	if err != nil {
		return err
	}
	if busy > 0 {
		return t.exec(`UPDATE `+b.table+` SET down_until = ? WHERE name = ?`, us(now.Add(probeTime)), b.name)
	}
	next, err := t.nextProbe(b)
	if err != nil {
		return err
	}
	if next == "" {
		return t.tryNext(b)
	}
	if err := t.exec(`UPDATE `+b.table+` SET probe = ?, down_until = ? WHERE name = ?`, string(next), us(now.Add(probeTime)), b.name); err != nil {
		return err
	}
	t.breakerEvent(b, opsdb.EventBreakerProbed, next, "", "")
	if err := t.exec(`UPDATE task SET next_try = NULL, subject = '' WHERE package = ? AND state = 'pending' AND subject = ?`, string(next), b.table+":"+b.name); err != nil {
		return err
	}
	return t.exec(`UPDATE package SET version = version + 1 WHERE id = ?`, string(next))
}

// tryNext closes a breaker for which nobody waits. It opens again at the first failure.
func (t *tx) tryNext(b breaker) error {
	if err := t.comesUp(b.table, b.name); err != nil {
		return err
	}
	return t.exec(`UPDATE `+b.table+` SET failures = ?, pause = ? WHERE name = ?`, opsdb.BreakerFailures-1, b.pause, b.name)
}

// Who could be a probe: who has a move there, else who waits for it.
const (
	probeOnLink  = `SELECT min(package) FROM open_move WHERE link = ?1 AND link <> '' AND package > ?2 AND package <> ?3 AND verdict = 'waiting'`
	probeAtPlace = `SELECT min(p) FROM (SELECT min(package) AS p FROM open_move WHERE from_loc = ?1 AND package > ?2 AND package <> ?3 AND verdict = 'waiting'
	  UNION ALL SELECT min(package) FROM open_move WHERE to_loc = ?1 AND package > ?2 AND package <> ?3 AND verdict = 'waiting')`
	probeWaiting = `SELECT min(package) FROM waiting WHERE cause = ?1 AND package > ?2 AND package <> ?3`
)

// nextProbe is who tries next: in turn, and the one that failed last only if there is no other.
func (t *tx) nextProbe(b breaker) (opsdb.ID, error) {
	moves := probeAtPlace
	if b.table == "link" {
		moves = probeOnLink
	}
	for _, ask := range []struct {
		sql, of         string
		after, excepted opsdb.ID
	}{
		{moves, b.name, b.probe, b.blamed}, {moves, b.name, "", b.blamed},
		{probeWaiting, b.table + ":" + b.name, b.probe, b.blamed}, {probeWaiting, b.table + ":" + b.name, "", b.blamed},
		{moves, b.name, "", ""}, {probeWaiting, b.table + ":" + b.name, "", ""},
	} {
		var id *string
		if _, err := t.get([]any{&id}, ask.sql, ask.of, string(ask.after), string(ask.excepted)); err != nil || id != nil {
			return idOf(id), err
		}
	}
	return "", nil
}

func idOf(s *string) opsdb.ID {
	if s == nil {
		return ""
	}
	return opsdb.ID(*s)
}
