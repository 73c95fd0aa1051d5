package measure

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// Count is a number of things and their bytes.
type Count struct {
	N     int
	Bytes int64
}

// Files says what source files a location has in a state.
func (s *Set) Files(ctx context.Context, location, state string, c Count) {
	s.sum(ctx, files, fileBytes, location, state, c)
}

// Copies says what copies of packages a location has in a state.
func (s *Set) Copies(ctx context.Context, location, state string, c Count) {
	s.sum(ctx, copies, copyBytes, location, state, c)
}

func (s *Set) sum(ctx context.Context, count, bytes, location, state string, c Count) {
	l := []attribute.KeyValue{attribute.String(labelLocation, location), attribute.String(labelState, state)}
	s.set(ctx, count, float64(c.N), l...)
	s.set(ctx, bytes, float64(c.Bytes), l...)
}

// Packages says how many packages are in a state: packing, moving, archived, blocked, superseded.
func (s *Set) Packages(ctx context.Context, state string, n int) {
	s.set(ctx, packages, float64(n), attribute.String(labelState, state))
}

// Dirty says how many packages wait to be evaluated.
func (s *Set) Dirty(ctx context.Context, n int) { s.set(ctx, dirty, float64(n)) }

// Tasks says how many tasks are in a state.
func (s *Set) Tasks(ctx context.Context, state string, n int) {
	s.set(ctx, tasks, float64(n), attribute.String(labelState, state))
}

// Moves says how many open moves have a verdict and reason.
func (s *Set) Moves(ctx context.Context, verdict, reason string, n int) {
	s.set(ctx, moves, float64(n), attribute.String(labelVerdict, verdict), attribute.String(labelReason, reason))
}

// OldestPending says how old the oldest file is that is not in every archive; 0: there is none.
func (s *Set) OldestPending(ctx context.Context, age time.Duration) {
	s.set(ctx, oldestPending, age.Seconds())
}

// OldestUnverified says how long ago the copy at a location was read back that waits longest.
func (s *Set) OldestUnverified(ctx context.Context, location string, age time.Duration) {
	s.set(ctx, oldestUnread, age.Seconds(), attribute.String(labelLocation, location))
}

// Room is what a location has, in bytes; a negative number is not known and not told.
type Room struct {
	Capacity, Used, Reserved, Free, Total int64
}

// Location says how full a location is.
func (s *Set) Location(ctx context.Context, location string, r Room) {
	for _, w := range []struct {
		what string
		n    int64
	}{{"capacity", r.Capacity}, {"used", r.Used}, {"reserved", r.Reserved}, {"free", r.Free}, {"total", r.Total}} {
		if w.n >= 0 {
			s.set(ctx, locationBytes, float64(w.n), attribute.String(labelLocation, location), attribute.String(labelWhat, w.what))
		}
	}
}

// Down says whether a site, location or link cannot be used, for a reason of opsdb.Down.
func (s *Set) Down(ctx context.Context, kind, name, reason string, is bool) {
	s.set(ctx, down, flag(is), attribute.String(labelKind, kind), attribute.String(labelName, name), attribute.String(labelReason, reason))
}

// Link says what waits for a link, in bytes, and how many of its slots are taken.
func (s *Set) Link(ctx context.Context, link string, backlog int64, inUse int) {
	s.set(ctx, linkBacklog, float64(backlog), attribute.String(labelLink, link))
	s.set(ctx, linkInUse, float64(inUse), attribute.String(labelLink, link))
}

// Time says whether the clock is believed, and how far this process's clock is ahead of the database's.
func (s *Set) Time(ctx context.Context, suspect bool, ahead time.Duration) {
	s.set(ctx, timeSuspect, flag(suspect))
	s.set(ctx, clockOffset, ahead.Seconds())
}

// Restored says whether the database was put back and is not trusted yet.
func (s *Set) Restored(ctx context.Context, is bool) { s.set(ctx, restored, flag(is)) }

// Audit says how many events are not chained yet, and whether the chain was found broken.
func (s *Set) Audit(ctx context.Context, unchained int, broken bool) {
	s.set(ctx, auditTail, float64(unchained))
	s.set(ctx, auditBroken, flag(broken))
}

func flag(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
