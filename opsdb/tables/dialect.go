package tables

// Dialect is how one database says what not all say alike: pieces of SQL, each
// for one place in a statement.
type Dialect struct {
	// OneWriter is true where transactions follow one another: nothing need be looked up in order to be locked.
	OneWriter bool
	// In holds for rows whose column is in the list that is the n-th argument.
	In func(column string, n int) string
	// SiteOf is the site of a location's name.
	SiteOf func(column string) string
	// Yes and No are the values of a truth that is compared. (Of one that is set, true and false are understood everywhere.)
	Yes, No string
	// ForUpdate ends a query whose rows are to be locked.
	ForUpdate string

	// PackageColumns are what [ScanPackage] reads, of package p as PackageFrom gives it.
	PackageColumns, PackageFrom string
	// State is the table with what of a package changes all the time; its id is the package's, its StateKey the package's key.
	State, StateKey string
	// Clock is the table with the observed clock.
	Clock string
}
