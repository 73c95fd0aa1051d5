package tables

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// breaker is what is kept of a location or link that fails.
type breaker struct {
	table, name string
	reason      *string   // not nil: it is down
	until       time.Time // of its next probe; zero: a worker says when it is up
	failures    int       // in a row
	succeeded   time.Time
	blamed      opsdb.ID
	pause       int64
	probe       opsdb.ID
}

// down is what the breaker says of its subject, or nil.
func (b breaker) down() *opsdb.Down {
	if b.reason == nil {
		return nil
	}
	return &opsdb.Down{Reason: *b.reason}
}

// breakerOf reads the breaker of a subject, "location:…" or "link:…".
func breakerOf(t Tx, subject string) (b breaker, found bool, err error) {
	kind, name, _ := strings.Cut(subject, ":")
	if kind != "location" && kind != "link" {
		return b, false, nil
	}
	b = breaker{table: kind, name: name}
	found, err = Get(t, []any{&b.reason, At(&b.until), &b.failures, At(&b.succeeded), &b.blamed, &b.pause, &b.probe},
		`SELECT down_reason, down_until, failures, succeeded_at, blamed, pause, probe FROM `+kind+` WHERE name = $1`+t.Dialect().ForUpdate, name)
	return b, found, err
}

// breaks counts an environment failure for the breaker of its subject. It
// reports whether others succeeded there since this task failed there before.
func breaks(t Tx, j Job, f opsdb.Failure) (others bool, err error) {
	b, found, err := breakerOf(t, f.Subject)
	if err != nil || !found {
		return false, err
	}
	if last := j.Failure; last != nil && last.Class == opsdb.Environment && last.Subject == f.Subject {
		others = b.succeeded.After(last.At)
	}
	if err := t.Exec(`UPDATE `+b.table+` SET failures = failures + 1, failed_at = $1, blamed = $2 WHERE name = $3`, Time(t.Now()), string(j.Package), b.name); err != nil {
		return others, err
	}
	switch plain := b.table == "location" && f.Plain(); {
	case b.reason != nil && (b.until.IsZero() || b.probe != j.Package):
		return others, nil // known: a worker reports it, or it was under way when the breaker opened
	case b.reason != nil || plain || b.failures+1 >= opsdb.BreakerFailures:
		return others, opens(t, b, f, plain)
	}
	return others, nil
}

// opens opens a breaker, or opens it again because its probe failed: then its pause doubles.
func opens(t Tx, b breaker, f opsdb.Failure, plain bool) error {
	pause, longest := opsdb.BreakerPauses(b.table)
	if b.pause > 0 {
		pause = min(2*time.Duration(b.pause)*time.Microsecond, longest)
	}
	reason, words := "breaker", fmt.Sprintf("%d failures in a row, the last one: %s", b.failures+1, strings.TrimPrefix(f.Reason+": "+f.Text, ": "))
	if plain {
		reason, words = f.Reason, f.Text
	}
	if err := t.Exec(`UPDATE `+b.table+` SET down_reason = $1, down_text = $2, down_since = coalesce(down_since, $3), down_until = $4, pause = $5, probe = '' WHERE name = $6`,
		reason, words, Time(t.Now()), Time(t.Now().Add(pause)), pause.Microseconds(), b.name); err != nil {
		return err
	}
	breakerEvent(t, b, opsdb.EventBreakerOpened, "", words, reason)
	if b.reason != nil {
		return nil // who waits for it waits on
	}
	return t.TouchMoves(b.table + ":" + b.name)
}

func breakerEvent(t Tx, b breaker, kind string, pkg opsdb.ID, why, after string) {
	t.Event(opsdb.Event{Kind: kind, Subject: b.table + ":" + b.name, Package: pkg, Location: locationOnly(b.table, b.name), Why: why, After: after})
}

// Uses are subjects of breakers that were used well, each with the packages that did and how.
type Uses map[string]map[opsdb.ID]opsdb.Use

// By adds what a task has used.
func (u Uses) By(j Job) {
	u.add("location:"+j.To, j.Package, useAtEnd(j))
	if j.Piece != opsdb.Receive {
		u.add("location:"+j.From, j.Package, opsdb.Reads)
		u.add("link:"+j.Link, j.Package, opsdb.Writes)
	}
}

func (u Uses) add(subject string, pkg opsdb.ID, use opsdb.Use) {
	if u[subject] == nil {
		u[subject] = map[opsdb.ID]opsdb.Use{}
	}
	u[subject][pkg] = max(u[subject][pkg], use)
}

// useAtEnd is what a task has done at its destination. What is received has found its room before.
func useAtEnd(j Job) opsdb.Use {
	switch {
	case j.Type == "verify":
		return opsdb.Reads
	case j.Type == "delete" || j.Piece == opsdb.Receive:
		return opsdb.Removes
	}
	return opsdb.Writes
}

// Worked closes the breakers of what tasks have just used well. What has not failed since it last worked is left alone, unless its
// breaker is open still: something was read at what is full, and now its probe could be written.
func Worked(t Tx, uses Uses) error {
	names, closed := map[string][]string{}, map[string][]opsdb.ID{}
	for _, subject := range slices.Sorted(maps.Keys(uses)) {
		kind, name, _ := strings.Cut(subject, ":")
		names[kind] = append(names[kind], name)
	}
	for _, kind := range slices.Sorted(maps.Keys(names)) {
		list, err := Query(t, ScanID, `UPDATE `+kind+` SET succeeded_at = $1, failures = 0 WHERE `+t.Dialect().In("name", 2)+` AND (failed_at >= coalesce(succeeded_at, failed_at) OR down_until IS NOT NULL) RETURNING name`, Time(t.Now()), names[kind])
		if err != nil {
			return err
		}
		closed[kind] = list
	}
	for _, kind := range slices.Sorted(maps.Keys(closed)) {
		for _, name := range closed[kind] {
			if err := Closes(t, kind+":"+string(name), uses); err != nil {
				return err
			}
		}
	}
	return nil
}

// Closes ends the breaker of a subject, unless a worker says that its location is down. What is full or read-only is
// used on, by what reads or removes there or had its room before: of that only its probe says that it can be written
// again, by having done what is hindered.
func Closes(t Tx, subject string, uses Uses) error {
	b, found, err := breakerOf(t, subject)
	if err != nil || !found || b.reason != nil && b.until.IsZero() {
		return err
	}
	if down := b.down(); down.Partly() {
		if use, did := uses[subject][b.probe]; !did || !down.Hinders(use) {
			return nil
		}
	}
	if b.reason == nil {
		return t.Exec(`UPDATE `+b.table+` SET pause = 0 WHERE name = $1 AND pause > 0`, b.name)
	}
	return comesUp(t, b.table, b.name)
}

// HalfOpen is a part of Expire: it lets one package through each breaker whose pause is over, each in a transaction of its own.
func (s Store) HalfOpen(ctx context.Context, now time.Time) error {
	for _, table := range []string{"link", "location"} {
		var names []opsdb.ID
		err := s.read(ctx, "Expire", func(v View) (err error) {
			names, err = Query(v, ScanID, `SELECT name FROM `+table+` WHERE down_until <= $1`, Time(now))
			return err
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := s.write(ctx, "Expire", func(t Tx) error { return probesAt(t, table+":"+string(name), now) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func probesAt(t Tx, subject string, now time.Time) error {
	b, found, err := breakerOf(t, subject)
	if err != nil || !found || b.until.IsZero() || b.until.After(now) {
		return err // another engine has seen to it
	}
	return probes(t, b, now)
}

// probeTime is how long a package may take to go out as a probe before another one is asked.
const probeTime = 2 * time.Minute

func probes(t Tx, b breaker, now time.Time) error {
	busy, err := Count(t, `SELECT count(*) FROM task WHERE package = $1 AND `+t.Dialect().Open("task")+` AND state IN ('scheduled', 'in_progress') AND $2 IN (from_loc, to_loc, link)`, string(b.probe), b.name)
	if err != nil {
		return err
	}
	if busy > 0 {
		return t.Exec(`UPDATE `+b.table+` SET down_until = $1 WHERE name = $2`, Time(now.Add(probeTime)), b.name)
	}
	next, err := nextProbe(t, b)
	if err != nil {
		return err
	}
	if next == "" {
		return tryNext(t, b)
	}
	if err := t.Exec(`UPDATE `+b.table+` SET probe = $1, down_until = $2 WHERE name = $3`, string(next), Time(now.Add(probeTime)), b.name); err != nil {
		return err
	}
	breakerEvent(t, b, opsdb.EventBreakerProbed, next, "", "")
	return t.TryAgain(b.table+":"+b.name, next)
}

// tryNext closes a breaker for which nobody waits. It opens again at the first failure.
func tryNext(t Tx, b breaker) error {
	if err := comesUp(t, b.table, b.name); err != nil {
		return err
	}
	return t.Exec(`UPDATE `+b.table+` SET failures = $1, pause = $2 WHERE name = $3`, opsdb.BreakerFailures-1, b.pause, b.name)
}

// Who could be a probe: who has a move there, else who waits for it.
const (
	probeOnLink  = `SELECT min(package) FROM open_move WHERE link = $1 AND link <> '' AND package > $2 AND package <> $3 AND verdict = 'waiting'`
	probeAtPlace = `SELECT min(p) FROM (SELECT min(package) AS p FROM open_move WHERE from_loc = $1 AND package > $2 AND package <> $3 AND verdict = 'waiting'
	  UNION ALL SELECT min(package) FROM open_move WHERE to_loc = $1 AND package > $2 AND package <> $3 AND verdict = 'waiting') x`
	probeWaiting = `SELECT min(package) FROM waiting WHERE cause = $1 AND package > $2 AND package <> $3`
)

// nextProbe is who tries next: in turn, and the one that failed last only if there is no other.
func nextProbe(t Tx, b breaker) (opsdb.ID, error) {
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
		if _, err := Get(t, []any{&id}, ask.sql, ask.of, string(ask.after), string(ask.excepted)); err != nil || id != nil {
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
