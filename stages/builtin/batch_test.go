package builtin_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/stages"
	"github.com/ccatobs/cdt/stages/stagestest"
)

// sendWork is the sending of a world's package over the ocean.
func sendWork(w *stagestest.World) *stagestest.Work {
	work := w.Work("transfer", stagestest.Buffer, stagestest.Landing, opsdb.Send)
	work.A.Task.Link = "ccat>cologne"
	return work
}

// shared are n packed packages on one ground: the same places, a name each.
func shared(t *testing.T, n int) []*stagestest.World {
	t.Helper()
	g := ground(t)
	all := make([]*stagestest.World, n)
	for i := range all {
		w := stagestest.NewWorld(t, g, small())
		w.Package.Name += string(rune('a' + i))
		w.Do("package", stagestest.Source, stagestest.Buffer)
		all[i] = w
	}
	return all
}

// TestABatchOfWhichSomeAreBad: one source is gone, one package is there already,
// one source has wrong bytes: each has an end of its own, and the others arrive (B3, B6).
func TestABatchOfWhichSomeAreBad(t *testing.T) {
	t.Parallel()
	worlds := shared(t, 5)
	const gone, there, wrong = 1, 2, 3
	w := worlds[there]
	text, err := w.Read(stagestest.Buffer, w.Path(stagestest.Buffer))
	must(t, err)
	put(t, w, stagestest.Landing, w.Path(stagestest.Landing), text)
	remove(t, worlds[gone], stagestest.Buffer, worlds[gone].Path(stagestest.Buffer))
	worlds[wrong].Corrupt(stagestest.Buffer, worlds[wrong].Path(stagestest.Buffer))
	works := make([]stages.Work, len(worlds))
	for i, w := range worlds {
		works[i] = sendWork(w)
	}
	stage, _ := worlds[0].Registry.Find("transfer")
	ends := stage.(stages.Batcher).RunBatch(t.Context(), works, func(int, stages.Ending) {})
	for i, e := range ends {
		switch {
		case e.Err != nil:
			t.Errorf("package %d: %v", i, e.Err)
		case i == gone:
			if c := e.Outcome.Corrupt; c == nil || !c.Lost || e.Outcome.Next != "" || e.Outcome.Sent == nil || e.Outcome.Sent.Bytes != 0 || e.Outcome.Sent.Arrived {
				t.Errorf("the one that is gone ended with %+v", e.Outcome)
			}
		case e.Outcome.Next != opsdb.Receive:
			t.Errorf("package %d: outcome %+v", i, e.Outcome)
		case i == there:
			if e.Outcome.Sent != nil {
				t.Errorf("what was there already was sent: %+v", e.Outcome.Sent)
			}
		default:
			if s := e.Outcome.Sent; s == nil || s.Bytes != worlds[i].Package.Size || s.Kept != 0 || !s.Arrived || s.Link != "ccat>cologne" {
				t.Errorf("package %d: sent %+v", i, s)
			}
		}
	}
	for i, w := range worlds {
		if i == gone {
			continue
		}
		work := w.Work("transfer", stagestest.Buffer, stagestest.Landing, opsdb.Receive)
		out, err := stage.Run(t.Context(), work)
		if i == wrong {
			wantFailure(t, err, opsdb.BadData, "")
			continue
		}
		if err != nil || len(out.Receipts) != 1 || out.Receipts[0].Digest != w.Package.Digest {
			t.Errorf("package %d: %+v, %v", i, out, err)
		}
	}
}

// TestSentIsWhatCrossed: what an earlier attempt left is not sent again, and not counted again.
func TestSentIsWhatCrossed(t *testing.T) {
	t.Parallel()
	w := packed(t)
	stage, _ := w.Registry.Find("transfer")
	first, err := stage.Run(t.Context(), sendWork(w))
	must(t, err)
	second, err := stage.Run(t.Context(), sendWork(w))
	must(t, err)
	size := w.Package.Size
	if s := first.Sent; s == nil || *s != (opsdb.Sent{Link: "ccat>cologne", Bytes: size, Arrived: true}) {
		t.Errorf("first %+v", s)
	}
	if s := second.Sent; s == nil || *s != (opsdb.Sent{Link: "ccat>cologne", Kept: size, Arrived: true}) {
		t.Errorf("then %+v", s)
	}
	// A part that was spoilt is worth nothing: all of it crosses again.
	parts, _ := filepath.Glob(filepath.Join(w.Root(stagestest.Landing), opsdb.PartDir, "*"))
	for _, p := range parts {
		w.Corrupt(stagestest.Landing, filepath.Join(opsdb.PartDir, filepath.Base(p)))
	}
	third, err := stage.Run(t.Context(), sendWork(w))
	must(t, err)
	if s := third.Sent; s == nil || s.Bytes != size || s.Kept != 0 {
		t.Errorf("after it was spoilt %+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out, err := stage.Run(ctx, sendWork(w)); err == nil || out.Sent != nil && out.Sent.Arrived {
		t.Errorf("cancelled: %+v, %v", out.Sent, err)
	}
}
