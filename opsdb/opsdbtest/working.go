package opsdbtest

import (
	"errors"
	"testing"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func testWorking(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"claim":               testClaim,
		"begun and unclaimed": testBegunAndUnclaimed,
		"lease":               testLease,
		"stale":               testStaleWorker,
		"old readings":        testOldReadings,
		"twice":               testFinishTwice,
		"receive":             testReceive,
		"bad bytes":           testBadBytes,
		"no receipt":          testNoReceipt,
		"born once":           testBornOnce,
		"changed members":     testChangedMembers,
		"superseded":          testSuperseded,
		"unlike":              testUnlike,
		"failures":            testFailures,
		"down and up":         testDownAndUp,
		"verify":              testVerify,
		"corrupt source":      testCorruptSource,
		"restart":             testRestart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

func testClaim(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	task := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	a := d.claim(task.ID)
	if a.Task.Token != 1 || a.Task.State != opsdb.TaskInProgress || a.Task.Worker != "w" || !a.Task.LeaseUntil.Equal(d.clock.Now().Add(lease)) {
		t.Fatalf("claimed %+v", a.Task)
	}
	if a.Source == nil || a.Source.Location != "ccat.buffer" || a.Target == nil || a.Target.State != opsdb.Expected || a.Package.Digest != tarDigest ||
		len(a.Package.Segments) != 1 || len(a.Receipts) != 1 || a.FromType != opsdb.Buffer || a.ToType != opsdb.Buffer {
		t.Fatalf("assignment %+v", a)
	}
	if _, err := d.store.Claim(t.Context(), task.ID, "other", lease); !errors.Is(err, opsdb.ErrNotClaim) {
		t.Fatalf("claimed twice: %v", err)
	}
	if _, err := d.store.Claim(t.Context(), opsdb.NewID(), "other", lease); !errors.Is(err, opsdb.ErrNotClaim) {
		t.Fatalf("claimed what is not there: %v", err)
	}
}

func testLease(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	version := d.facts(p.ID).Package.Version
	d.clock.Advance(lease / 2)
	d.check(d.store.Renew(t.Context(), a.Task.ID, a.Task.Token, lease, "moving", 10, 500))
	got, err := d.store.Task(t.Context(), a.Task.ID)
	d.check(err)
	if got.Phase != "moving" || got.Done != 10 || got.Total != 500 || !got.LeaseUntil.Equal(d.clock.Now().Add(lease)) {
		t.Fatalf("renewed %+v", got)
	}
	if v := d.facts(p.ID).Package.Version; v != version {
		t.Error("progress made the package dirty")
	}
	d.clock.Advance(lease)
	again, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	if len(again) != 1 || again[0].ID != a.Task.ID || again[0].State != opsdb.TaskScheduled || again[0].Token != a.Task.Token {
		t.Fatalf("brought again %+v", again)
	}
	// Nobody claimed it: its worker may still renew, and has it again.
	d.check(d.store.Renew(t.Context(), a.Task.ID, a.Task.Token, lease, "moving", 20, 500))
	if _, err := d.store.Claim(t.Context(), a.Task.ID, "other", lease); !errors.Is(err, opsdb.ErrNotClaim) {
		t.Fatalf("claimed from a living worker: %v", err)
	}
	d.balanced()
}

// What was begun and then taken by nobody is not given up: it is tried again as itself, so that what its attempts left is found (B5).
func testBegunAndUnclaimed(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	for range 2 { // the lease, then the claim deadline
		d.clock.Advance(2 * claimBy)
		_, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
		d.check(err)
	}
	got, err := d.store.Task(t.Context(), a.Task.ID)
	d.check(err)
	if got.State != opsdb.TaskPending || got.Attempts != 0 || !d.dirty(p.ID) {
		t.Fatalf("the task is %s after %d attempts", got.State, got.Attempts)
	}
	if _, err := d.store.Claim(t.Context(), a.Task.ID, "w", lease); !errors.Is(err, opsdb.ErrNotClaim) {
		t.Fatalf("claimed what backs off: %v", err)
	}
	d.present()
	if again := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer"); again.ID != a.Task.ID {
		t.Errorf("it is tried again as another task: %+v", again)
	}
	d.balanced()
}

// A stopped worker comes back late (E2): it can end nothing, but its readings are kept.
func testStaleWorker(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	old := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	d.clock.Advance(lease)
	_, err := d.store.Expire(t.Context(), d.clock.Now(), claimBy)
	d.check(err)
	now := d.claim(old.Task.ID)
	id, token := old.Task.ID, old.Task.Token
	_, finishErr := d.store.Finish(t.Context(), id, token, good(old, opsdb.Present))
	_, confirmErr := d.store.Confirm(t.Context(), id, token)
	for what, err := range map[string]error{
		"renew":   d.store.Renew(t.Context(), id, token, lease, "moving", 1, 1),
		"finish":  finishErr,
		"fail":    d.store.Fail(t.Context(), id, token, opsdb.Failure{Class: opsdb.Transient}, d.clock.Now(), true, opsdb.Outcome{}),
		"later":   d.store.Later(t.Context(), id, token, d.clock.Now(), "busy"),
		"members": d.store.RecordMembers(t.Context(), id, token, nil),
		"confirm": confirmErr,
	} {
		if !errors.Is(err, opsdb.ErrStale) {
			t.Errorf("%s with an old token: %v", what, err)
		}
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.Expected)
	receipts := []opsdb.Receipt{reading(old, tarDigest, 500)}
	for range 2 {
		d.check(d.store.RecordReceipts(t.Context(), receipts))
	}
	c := d.copyAt(p.ID, "cologne.buffer")
	if c.Receipt == nil || c.Receipt.ID != receipts[0].ID || c.State != opsdb.Expected || !c.VerifiedAt.IsZero() {
		t.Fatalf("a reading makes no copy: %+v", c)
	}
	d.finish(now, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived}})
}

// A reading that waited in a worker's journal for a week is a week old: it does not make a copy fresh, does
// not hide what was read since, and is not the one that a person has asked for meanwhile (S1, S7).
func testOldReadings(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.condemned()
	at := d.copyAt(p.ID, "cornell.lta")
	read := func(digest opsdb.Digest, when time.Time) opsdb.Receipt {
		r := opsdb.Receipt{ID: opsdb.NewID(), Package: p.ID, Location: at.Location, Path: at.Path, Digest: digest, Size: 500, At: when, Worker: "w", Medium: opsdb.FromMedium, Version: opsdb.FormatVersion}
		d.check(d.store.RecordReceipts(t.Context(), []opsdb.Receipt{r}))
		return r
	}
	first := d.clock.Now()
	d.advance(7 * 24 * time.Hour)
	d.check(d.store.WantVerify(t.Context(), p.ID, at.Location, "ada"))
	now := read(tarDigest, first)
	if c := d.copyAt(p.ID, at.Location); !c.Receipt.At.Equal(first) || c.Receipt.ID != now.ID || !c.VerifiedAt.Equal(first) || c.VerifyAsked.IsZero() {
		t.Fatalf("a reading of a week ago: %+v, %+v", c, c.Receipt)
	}
	now = read(tarDigest, d.clock.Now().Add(time.Hour))
	want := func(what string) {
		t.Helper()
		if c := d.copyAt(p.ID, at.Location); !c.Receipt.At.Equal(d.clock.Now()) || c.Receipt.ID != now.ID || !c.VerifiedAt.Equal(d.clock.Now()) || !c.VerifyAsked.IsZero() {
			t.Fatalf("%s: %+v, %+v", what, c, c.Receipt)
		}
	}
	want("a reading by a clock that is ahead")
	read(tarDigest, first.Add(time.Hour))
	want("a late one that is good")
	read("ffff", first.Add(time.Hour))
	want("a late one that is bad")
}

func testFinishTwice(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	sent := opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived}, Sent: &opsdb.Sent{Link: "ccat>cologne", Bytes: 500, Arrived: true}}
	for range 2 {
		if task := d.finish(a, sent); task.State != opsdb.TaskScheduled || task.Piece != opsdb.Receive || task.Site() != "cologne" {
			t.Fatalf("after send %+v", task)
		}
	}
	b := d.claim(a.Task.ID)
	out := good(b, opsdb.Present)
	for range 2 {
		if task := d.finish(b, out); task.State != opsdb.TaskCompleted || task.EndedAt.IsZero() {
			t.Fatalf("after receive %+v", task)
		}
	}
	if n := d.events(opsdb.EventCopyArrived); n != 1 {
		t.Errorf("%d arrivals", n)
	}
	if n := d.events(opsdb.EventCopySent); n != 1 {
		t.Errorf("%d times sent", n)
	}
	d.balanced()
}

func testReceive(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	d.finish(a, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 500, Path: ".part/x"}})
	c := d.copyAt(p.ID, "cologne.buffer")
	if c.State != opsdb.Arrived || c.Path != ".part/x" || c.Verified() {
		t.Fatalf("arrived %+v", c)
	}
	w, err := d.store.World(t.Context())
	d.check(err)
	if w.Links["ccat>cologne"].InUse != 0 || w.Locations["cologne.buffer"].Used != 500 {
		t.Fatalf("the slot ends with send, the room stays: %+v %+v", w.Links["ccat>cologne"], w.Locations["cologne.buffer"])
	}
	// The receiver fails for another reason than the bytes: it receives again.
	b := d.claim(a.Task.ID)
	d.check(d.store.Fail(t.Context(), b.Task.ID, b.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "fsync"}, d.clock.Now(), true, opsdb.Outcome{}))
	again := d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer")
	if again.ID != a.Task.ID || again.Piece != opsdb.Receive {
		t.Fatalf("again %+v", again)
	}
	d.stateAt(p.ID, "cologne.buffer", opsdb.Arrived)
}

func testBadBytes(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	cut := opsdb.Outcome{Sent: &opsdb.Sent{Link: "ccat>cologne", Bytes: 200}}
	d.check(d.store.Fail(t.Context(), a.Task.ID, a.Task.Token, opsdb.Failure{Class: opsdb.Transient, Text: "cut"}, d.clock.Now(), false, cut))
	if n := d.events(opsdb.EventCopySent); n != 1 {
		t.Errorf("%d times sent", n)
	}
	a = d.claim(d.schedule(p, "ship", "transfer", "ccat.buffer", "cologne.buffer").ID)
	d.finish(a, opsdb.Outcome{Next: opsdb.Receive, Target: &opsdb.CopyFact{State: opsdb.Arrived, Size: 500}})
	b := d.claim(a.Task.ID)
	bad := opsdb.Outcome{Receipts: []opsdb.Receipt{reading(b, "ffff", 500)}}
	d.check(d.store.Fail(t.Context(), b.Task.ID, b.Task.Token, opsdb.Failure{Class: opsdb.BadData, Text: "mismatch"}, d.clock.Now(), true, bad))
	if n := d.events(opsdb.EventCopyMismatch); n != 1 {
		t.Errorf("%d mismatches", n)
	}
	if n := d.events(opsdb.EventCopySpoilt); n != 1 {
		t.Errorf("%d times spoilt", n)
	}
	got, err := d.store.Task(t.Context(), a.Task.ID)
	d.check(err)
	if got.Piece != opsdb.Send || got.State != opsdb.TaskPending || got.Attempts != 1 {
		t.Fatalf("bad bytes are sent again: %+v", got)
	}
	d.balanced()
}

func testNoReceipt(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.packed(1)
	a := d.claim(d.schedule(p, "archive", "archive", "ccat.buffer", "ccat.buffer2").ID)
	for name, out := range map[string]opsdb.Outcome{
		"none":         {Target: &opsdb.CopyFact{State: opsdb.Present, Size: 500}},
		"other digest": {Target: &opsdb.CopyFact{State: opsdb.Present, Size: 500}, Receipts: []opsdb.Receipt{reading(a, "ffff", 500)}},
		"other size":   {Target: &opsdb.CopyFact{State: opsdb.Present, Size: 500}, Receipts: []opsdb.Receipt{reading(a, tarDigest, 499)}},
		"other path":   {Target: &opsdb.CopyFact{State: opsdb.Present, Size: 500, Path: "elsewhere"}, Receipts: []opsdb.Receipt{reading(a, tarDigest, 500)}},
		"not deleted":  {Target: &opsdb.CopyFact{State: opsdb.Deleted}},
		"files":        {Removed: []opsdb.ID{opsdb.NewID()}},
	} {
		if _, err := d.store.Finish(t.Context(), a.Task.ID, a.Task.Token, out); !errors.Is(err, opsdb.ErrInvariant) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.stateAt(p.ID, "ccat.buffer2", opsdb.Expected)
	if got, err := d.store.Task(t.Context(), a.Task.ID); err != nil || got.State != opsdb.TaskInProgress {
		t.Fatalf("task is %s, %v", got.State, err)
	}
}

// A digest is born once (S4).
func testBornOnce(t *testing.T, open Open) {
	d := newDesk(t, open)
	p := d.pack(1)
	a := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer").ID)
	bare := good(a, opsdb.Present)
	bare.Packed = &opsdb.Packed{Size: 500, Digest: tarDigest}
	if _, err := d.store.Finish(t.Context(), a.Task.ID, a.Task.Token, bare); !errors.Is(err, opsdb.ErrInvariant) {
		t.Fatalf("members without digests: %v", err)
	}
	d.finish(a, d.born(a))
	b := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer2").ID)
	other := opsdb.Outcome{Packed: &opsdb.Packed{Size: 501, Digest: "eeee"}}
	if _, err := d.store.Finish(t.Context(), b.Task.ID, b.Task.Token, other); !errors.Is(err, opsdb.ErrInvariant) {
		t.Fatalf("another digest: %v", err)
	}
	if err := d.store.RecordMembers(t.Context(), b.Task.ID, b.Task.Token, nil); !errors.Is(err, opsdb.ErrChanged) {
		t.Fatalf("members after the birth: %v", err)
	}
	if got := d.facts(p.ID).Package; got.Digest != tarDigest {
		t.Fatalf("digest %s", got.Digest)
	}
}

// A2: what the instrument announced goes with the members, and a file that was read otherwise is told.
func testUnlike(t *testing.T, open Open) {
	d := newDesk(t, open)
	f := d.rawFile("obs/announced")
	f.Digest = "ab12"
	_, _, err := d.store.FileFiles(t.Context(), []opsdb.File{f})
	d.check(err)
	unrouted, err := d.store.Unrouted(t.Context(), 0)
	d.check(err)
	p := d.closeGroup(d.route("raw", "k", unrouted))
	a := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer").ID)
	out := d.born(a)
	for m, err := range d.store.Members(t.Context(), p.ID) {
		d.check(err)
		if m.Announced != "ab12" || m.Digest == m.Announced {
			t.Errorf("member %+v", m)
		}
		out.Unlike = append(out.Unlike, opsdb.ChangedMember{File: m.File, Reason: "another digest"})
	}
	d.finish(a, out)
	told := 0
	for e, err := range d.store.Events(t.Context(), 0) {
		if d.check(err); e.Kind == opsdb.EventFileUnlike {
			told++
			if e.Package != p.ID || e.Location != "ccat.primecam" || e.Why != "another digest" || e.Subject != "file:"+string(unrouted[0].ID) {
				t.Errorf("event %+v", e)
			}
		}
	}
	if got := d.facts(p.ID).Package; told != 1 || got.Digest != tarDigest {
		t.Errorf("told %d times; package %+v", told, got)
	}
}

// A source changes while it is packed (A5).
func testChangedMembers(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(3)
	p := d.closeGroup(d.route("raw", "k", files))
	a := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer").ID)
	task := d.finish(a, opsdb.Outcome{Next: opsdb.Whole, Changed: []opsdb.ChangedMember{
		{File: files[0].ID, Reason: "its size changed", Size: 70, ModTime: start(), Identity: "1:2"},
		{File: files[1].ID, Reason: "vanished", Gone: true},
	}})
	if task.State != opsdb.TaskScheduled {
		t.Fatalf("task %+v", task)
	}
	if got := d.facts(p.ID).Package; got.Files != 1 || got.Bytes != 100 || d.copyAt(p.ID, "ccat.primecam").Size != 100 {
		t.Fatalf("package %+v", got)
	}
	unrouted, err := d.store.Unrouted(t.Context(), 0)
	d.check(err)
	if len(unrouted) != 1 || unrouted[0].ID != files[0].ID || unrouted[0].Size != 70 || unrouted[0].Version != 2 {
		t.Fatalf("filed anew: %+v", unrouted)
	}
	d.balanced()
	next := d.closeGroup(d.route("raw", "k", unrouted))
	if next.Bytes != 70 {
		t.Fatalf("next package %+v", next)
	}
	b := d.claim(task.ID)
	d.finish(b, d.born(b))
	d.balanced()
}

// A package of which no file is left is superseded: it is neither open nor in quarantine, and holds up no figure.
func testSuperseded(t *testing.T, open Open) {
	d := newDesk(t, open)
	files := d.file(2)
	p := d.closeGroup(d.route("raw", "k", files))
	a := d.claim(d.schedule(p, "pack", "package", "ccat.primecam", "ccat.buffer").ID)
	d.finish(a, opsdb.Outcome{Changed: []opsdb.ChangedMember{
		{File: files[0].ID, Reason: "its size changed", Size: 70, ModTime: start(), Identity: "1:2"},
		{File: files[1].ID, Reason: "vanished", Gone: true},
	}})
	if got := d.facts(p.ID).Package; !got.Superseded() || got.Bytes != 0 {
		t.Fatalf("package %+v", got)
	}
	d.save(d.evaluation(p))
	totals, err := d.store.Totals(t.Context())
	d.check(err)
	if totals.Packages["superseded"] != 1 || totals.Packages["blocked"] != 0 {
		t.Errorf("packages %v", totals.Packages)
	}
	for state, want := range map[string]int{"open": 0, "done": 1, "quarantined": 0, "superseded": 1} {
		if got, err := d.store.Packages(t.Context(), opsdb.Query{State: state}); err != nil || len(got) != want {
			t.Errorf("%d packages are %s, want %d, %v", len(got), state, want, err)
		}
	}
	for e, err := range d.store.Events(t.Context(), 0) {
		if d.check(err); e.Kind == opsdb.EventQuarantined {
			t.Errorf("a person is told to look at %s: %s", e.Subject, e.Why)
		}
	}
	d.balanced()
}
