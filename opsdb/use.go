package opsdb

// Use is what is done at a location.
type Use int

// The uses.
const (
	Reads Use = iota
	Removes
	Writes
)

// Hinders reports whether what is down stands in the way of a use. What is full can be read, and only what is removed
// there makes room again; what is read-only can be read. Everything else stands in the way of all.
func (d *Down) Hinders(u Use) bool {
	if d == nil {
		return false
	}
	switch d.Reason {
	case "full":
		return u == Writes
	case "read_only":
		return u != Reads
	}
	return true
}

// Partly reports whether something can be done all the same at what is down: then that something was done there does
// not mean that it is up.
func (d *Down) Partly() bool { return d != nil && !d.Hinders(Reads) }
