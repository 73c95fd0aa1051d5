package opsdb

import (
	"strconv"
	"strings"
	"time"
)

// Waits is how long a move, and then its task, has waited at each gate, by the
// reasons the gates gave: what it waits for now and since when, and what it
// waited for before. It is kept as text, so that it is one column that is
// written only with the row it stands in:
//
//	slot@1700000000000000 window=3600000000
//
// in microseconds. The zero Waits has waited for nothing.
type Waits string

// ForClaim is what a task waits for from when it was given out until a worker claims it.
const ForClaim = "dispatched"

// At is w when it waits for a reason from a time on. One that waits for the
// same already is returned as it is.
func (w Waits) At(reason string, from time.Time) Waits {
	now, since, before := w.parts()
	if now == reason {
		return w
	}
	out := reason + "@" + strconv.FormatInt(from.UnixMicro(), 10)
	spent := from.UnixMicro() - since
	for _, b := range strings.Fields(before) {
		name, d := entry(b)
		if name == now {
			spent += d
			continue
		}
		out += " " + b
	}
	if now != "" && spent > 0 {
		out += " " + now + "=" + strconv.FormatInt(spent, 10)
	}
	return Waits(out)
}

// Spent is how long it had waited for each reason at a time. Time that went
// backwards counts as none.
func (w Waits) Spent(at time.Time) map[string]time.Duration {
	if w == "" {
		return nil
	}
	now, since, before := w.parts()
	out, spent := map[string]time.Duration{}, at.UnixMicro()-since
	for b := range strings.FieldsSeq(before) {
		name, d := entry(b)
		if name == now {
			spent += d
			continue
		}
		out[name] = time.Duration(d) * time.Microsecond
	}
	if now != "" && spent > 0 {
		out[now] = time.Duration(spent) * time.Microsecond
	}
	return out
}

// parts are what it waits for now, since when, and the rest.
func (w Waits) parts() (now string, since int64, before string) {
	first, before, _ := strings.Cut(string(w), " ")
	now, from, _ := strings.Cut(first, "@")
	since, _ = strconv.ParseInt(from, 10, 64)
	return now, since, before
}

func entry(text string) (name string, us int64) {
	name, d, _ := strings.Cut(text, "=")
	us, _ = strconv.ParseInt(d, 10, 64)
	return name, us
}
