package tables

import (
	"context"
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
	// Quiet says whether what is written is nothing the engine must look at. At first it is not.
	Quiet(is bool)
}

// Scanner is a row that is being read.
type Scanner interface{ Scan(dest ...any) error }

// Store does what the contract asks for where it is the same in every database.
type Store struct {
	read  func(ctx context.Context, name string, f func(View) error) error
	write func(ctx context.Context, name string, f func(Tx) error) error
}

// Over is a store on transactions. Both run f once, or again if it lost against another, and name what was being done in their errors.
func Over(read func(ctx context.Context, name string, f func(View) error) error, write func(ctx context.Context, name string, f func(Tx) error) error) Store {
	return Store{read, write}
}
