//go:build servers

package river

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/testserver"
)

// bed is a queue's database, and early fetches of one process on a connection of their own.
type bed struct {
	*testing.T
	conn  *pgx.Conn
	hands *hands
	early *early
}

func newBed(t *testing.T, most int) *bed {
	t.Parallel()
	url := testserver.Postgres(t)
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	h := newHands()
	e := newEarly("w1", most, h)
	e.serve("cologne")
	return &bed{t, conn, h, e}
}

// offer inserts jobs for cologne.
func (b *bed) offer(tasks ...opsdb.ID) {
	b.Helper()
	tx, err := b.conn.Begin(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var list []opsdb.Task
	for _, id := range tasks {
		list = append(list, opsdb.Task{ID: id, SendSite: "cologne", ReceiveSite: "cologne", Piece: opsdb.Whole})
	}
	if err := insert(b.Context(), tx, list); err != nil {
		b.Fatal(err)
	}
	if err := tx.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func (b *bed) told() { b.early.told(b.Context(), b.conn, "cologne") }

// count is how many jobs are in a state and at an attempt.
func (b *bed) count(want int, state string, attempt int) {
	b.Helper()
	var got int
	if err := b.conn.QueryRow(b.Context(), `SELECT count(*) FROM river.river_job WHERE state::text = $1 AND attempt = $2`, state, attempt).Scan(&got); err != nil {
		b.Fatal(err)
	}
	if got != want {
		b.Errorf("%d jobs are %s at attempt %d, want %d", got, state, attempt, want)
	}
}

// next takes the next task in hand.
func (b *bed) next(want opsdb.ID) {
	b.Helper()
	if got, _ := b.hands.take([]string{"cologne"}); got != want {
		b.Errorf("task %q is in hand, want %q", got, want)
	}
}

// take is what River is given, and whether it asks for the rest.
func (b *bed) take(most, want int, ask bool) {
	b.Helper()
	jobs, asks := b.early.take("cologne", most)
	if len(jobs) != want || asks != ask {
		b.Errorf("River was given %d jobs, asks: %v; want %d, %v", len(jobs), asks, want, ask)
	}
	if asks {
		b.early.answered("cologne")
	}
}

// What is inserted for a process with nothing in hand is fetched at once, and River need not ask for it.
func TestFetchedEarly(t *testing.T) {
	b := newBed(t, 4)
	b.offer("a", "b")
	b.told()
	b.count(2, "running", 1)
	b.next("a")
	b.next("b")
	b.next("")
	b.take(4, 2, false)
	b.take(4, 0, true)
}

// With something in hand River fetches, as many as it has room for; what it was told was all is so no more.
func TestFetchedLate(t *testing.T) {
	b := newBed(t, 4)
	b.offer("a")
	b.told()
	b.offer("b")
	b.told()
	b.count(1, "running", 1)
	b.count(1, "available", 0)
	b.take(4, 1, true)
}

// One that hears of it after another has fetched need not ask again; of more than go at once it must, and gives River no more than it has room for.
func TestFetchedInParts(t *testing.T) {
	b := newBed(t, 2)
	b.told()
	b.take(4, 0, false)
	b.offer("a", "b", "c")
	b.told()
	b.count(2, "running", 1)
	b.take(1, 1, false)
	b.take(4, 1, true)
	b.take(4, 0, true)
}

// A site that is not served, and a process that ends, leave jobs to others.
func TestFetchedByOthers(t *testing.T) {
	b := newBed(t, 4)
	b.offer("a")
	b.early.told(t.Context(), b.conn, "cornell")
	b.early.close()
	b.told()
	b.count(1, "available", 0)
}

// A fetch that fails is River's to report.
func TestFetchedInVain(t *testing.T) {
	b := newBed(t, 4)
	b.offer("a")
	if _, err := b.conn.Exec(t.Context(), `BEGIN; LOCK TABLE river.river_job IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	other, err := pgx.ConnectConfig(t.Context(), b.conn.Config().Copy())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background()) //nolint:errcheck // the test ends
	if _, err := other.Exec(t.Context(), `SET statement_timeout = 50`); err != nil {
		t.Fatal(err)
	}
	b.early.told(t.Context(), other, "cologne")
	b.next("")
	b.take(4, 0, true)
}

// When a process ends before River came for what was fetched, what nobody has begun goes back to be fetched by others, and the rest is over.
func TestGivenBack(t *testing.T) {
	b := newBed(t, 4)
	b.offer("a", "b", "c")
	b.told()
	b.next("a")
	b.hands.kept("a").end(true)
	pool, err := connect(t.Context(), b.conn.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for range 2 {
		if err := b.early.giveBack(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
		b.count(2, "available", 0)
		b.count(0, "running", 1)
		b.next("")
	}
	if len(b.hands.byJob) != 0 {
		t.Errorf("%d are in hand still", len(b.hands.byJob))
	}
}
