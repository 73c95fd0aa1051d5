package tables

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

// View is one snapshot of the database: that of a read, or what a transaction sees.
type View interface {
	// Now is the store's time: the same from its beginning to its end.
	Now() time.Time
	// Rows gives each row of a query to f, before it returns.
	//
	// Arguments are $1, $2 and so on. Besides what every driver takes they may be
	// bool, [time.Time] (see [Time]), and lists of texts, ids or numbers for [Dialect.In].
	Rows(f func(Scanner) error, sql string, args ...any) error
	// Dialect is how this database says what not all say alike.
	Dialect() *Dialect
	// Facts reads packages and all that belongs to them, in the order of ids.
	Facts(ids []opsdb.ID) ([]opsdb.Facts, error)
	// Sites are the sites as the World has them.
	Sites() (map[string]opsdb.Site, error)
	// Locations are the locations as the World has them, and what is condemned at each, in bytes.
	Locations() (locations map[string]opsdb.Location, condemned map[string]int64, err error)
}

// Tx is a write transaction. On any error nothing is written.
type Tx interface {
	View
	// Exec runs a statement that changes facts. It may wait for the next query or the commit, and fail with that.
	Exec(sql string, args ...any) error
	// ExecN runs one at once, and says how many rows it changed.
	ExecN(sql string, args ...any) (int64, error)
	// Take locks the rows of a query until the end, in their order (docs/adr/0016).
	// It is said in PostgreSQL's words: a store with one writer at a time has nothing to lock.
	Take(sql string, args ...any)
	// Event has an event written with the facts. Empty fields are filled in.
	Event(e opsdb.Event)
	// Wake marks dirty who waits for a cause, at most limit packages (0: all). Who is woken waits no more; it says so again if it must.
	Wake(cause string, limit int) error
	// TouchMoves marks every package dirty with a move under a subject: "route:…", "stage:…", "location:…", "link:…", "site:…".
	TouchMoves(subject string) error
	// TryAgain has the tasks that back off because of a subject tried again: of one package, which becomes dirty in any case, or of all ("").
	TryAgain(subject string, pkg opsdb.ID) error
	// Bring hands tasks to who brings them to their sites, inside of the transaction.
	Bring(tasks ...opsdb.Task) error
	// Quiet says whether what is written is nothing the engine must look at. At first it is not.
	Quiet(is bool)
}

// Scanner is a row that is being read.
type Scanner interface{ Scan(dest ...any) error }

// Store does what the contract asks for where it is the same in every database.
type Store struct {
	read  func(ctx context.Context, name string, f func(View) error) error
	write func(ctx context.Context, name string, f func(Tx) error) error

	ticked *atomic.Pointer[time.Time] // store time of the last Tick of this process
}

// Over is a store on transactions. Both run f once, or again if it lost against another, and name what was being done in their errors.
func Over(read func(ctx context.Context, name string, f func(View) error) error, write func(ctx context.Context, name string, f func(Tx) error) error) Store {
	return Store{read, write, new(atomic.Pointer[time.Time])}
}
