package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// breaker is what is kept of a location or link that fails.
type breaker struct {
	table, name string
	reason      *string    // not nil: it is down
	until       *time.Time // of its next probe; nil: a worker says when it is up
	failures    int        // in a row
	succeeded   *time.Time
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
		`SELECT down_reason, down_until, failures, succeeded_at, blamed, pause, probe FROM `+kind+` WHERE name = $1 FOR UPDATE`, name)
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
	if err := t.exec(`UPDATE `+b.table+` SET failures = failures + 1, failed_at = $1, blamed = $2 WHERE name = $3`, us(t.now), string(j.Package), b.name); err != nil {
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
	if err := t.exec(`UPDATE `+b.table+` SET down_reason = $1, down_text = $2, down_since = coalesce(down_since, $3), down_until = $4, pause = $5, probe = '' WHERE name = $6`,
		reason, words, us(t.now), us(t.now.Add(pause)), pause.Microseconds(), b.name); err != nil {
		return err
	}
	t.breakerEvent(b, opsdb.EventBreakerOpened, "", words, reason)
	if b.reason != nil {
		return nil // who waits for it waits on
	}
	return t.touchMoves(b.table + ":" + b.name)
}

func (t *tx) breakerEvent(b breaker, kind string, pkg opsdb.ID, why, after string) {
	t.event(opsdb.Event{Kind: kind, Subject: b.table + ":" + b.name, Package: pkg, Location: locationOnly(b.table, b.name), Why: why, After: after})
}

// usedBy adds what a task has used, as subjects of breakers.
func usedBy(j job, subjects map[string]bool) {
	subjects["location:"+j.To] = true
	if j.Piece != opsdb.Receive {
		subjects["location:"+j.From], subjects["link:"+j.Link] = true, true
	}
}

// askWorked notes with the next flush what tasks have just used well; then the breakers that failed before can be closed.
func (t *tx) askWorked(subjects map[string]bool) (then func() error) {
	names, closed := map[string][]string{}, map[string]*[]opsdb.ID{}
	for _, subject := range slices.Sorted(maps.Keys(subjects)) {
		kind, name, _ := strings.Cut(subject, ":")
		names[kind] = append(names[kind], name)
	}
	for _, kind := range slices.Sorted(maps.Keys(names)) {
		closed[kind] = new([]opsdb.ID)
		ask(&t.view, closed[kind], tables.ScanID, `UPDATE `+kind+` SET succeeded_at = $1, failures = 0 WHERE name = ANY($2::text[]) AND failed_at >= coalesce(succeeded_at, '-infinity') RETURNING name`, us(t.now), names[kind])
	}
	return func() error {
		for _, kind := range slices.Sorted(maps.Keys(closed)) {
			t.changes += int64(len(*closed[kind]))
			for _, name := range *closed[kind] {
				if err := t.closes(kind + ":" + string(name)); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// closes ends a breaker, unless a worker says that its location is down.
func (t *tx) closes(subject string) error {
	b, found, err := t.breakerOf(subject)
	if err != nil || !found || b.reason != nil && b.until == nil {
		return err
	}
	if b.reason == nil {
		return t.exec(`UPDATE `+b.table+` SET pause = 0 WHERE name = $1 AND pause > 0`, b.name)
	}
	return t.comesUp(b.table, b.name)
}

// halfOpen lets one package through each breaker whose pause is over, each in a transaction of its own.
func (s *Store) halfOpen(ctx context.Context, now time.Time) error {
	for _, table := range []string{"link", "location"} {
		var names []opsdb.ID
		err := s.read(ctx, "Expire", func(v *view) (err error) {
			names, err = query(v, tables.ScanID, `SELECT name FROM `+table+` WHERE down_until <= $1`, us(now))
			return err
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.write(ctx, "Expire", func(t *tx) error { return t.probesAt(table+":"+string(name), now) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) probesAt(subject string, now time.Time) error {
	b, found, err := t.breakerOf(subject)
	if err != nil || !found || b.until == nil || b.until.After(now) {
		return err // another engine has seen to it
	}
	return t.probes(b, now)
}

// probeTime is how long a package may take to go out as a probe before another one is asked.
const probeTime = 2 * time.Minute

func (t *tx) probes(b breaker, now time.Time) error {
	busy, err := t.count(`SELECT count(*) FROM task WHERE package = $1 AND open AND state IN ('scheduled', 'in_progress') AND $2::text IN (from_loc, to_loc, link)`, string(b.probe), b.name)
	if err != nil {
		return err
	}
	if busy > 0 {
		return t.exec(`UPDATE `+b.table+` SET down_until = $1 WHERE name = $2`, us(now.Add(probeTime)), b.name)
	}
	next, err := t.nextProbe(b)
	if err != nil {
		return err
	}
	if next == "" {
		return t.tryNext(b)
	}
	if err := t.exec(`UPDATE `+b.table+` SET probe = $1, down_until = $2 WHERE name = $3`, string(next), us(now.Add(probeTime)), b.name); err != nil {
		return err
	}
	t.breakerEvent(b, opsdb.EventBreakerProbed, next, "", "")
	return t.tryAgain(b.table+":"+b.name, next)
}

// tryNext closes a breaker for which nobody waits. It opens again at the first failure.
func (t *tx) tryNext(b breaker) error {
	if err := t.comesUp(b.table, b.name); err != nil {
		return err
	}
	return t.exec(`UPDATE `+b.table+` SET failures = $1, pause = $2 WHERE name = $3`, opsdb.BreakerFailures-1, b.pause, b.name)
}

// Who could be a probe: who has a move there, else who waits for it.
const (
	probeOnLink  = `SELECT min(package) FROM open_move WHERE link = $1 AND link <> '' AND package > $2 AND package <> $3 AND verdict = 'waiting'`
	probeAtPlace = `SELECT min(p) FROM (SELECT min(package) AS p FROM open_move WHERE from_loc = $1 AND package > $2 AND package <> $3 AND verdict = 'waiting'
	  UNION ALL SELECT min(package) FROM open_move WHERE to_loc = $1 AND package > $2 AND package <> $3 AND verdict = 'waiting') x`
	probeWaiting = `SELECT min(package) FROM waiting WHERE cause = $1 AND package > $2 AND package <> $3`
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
