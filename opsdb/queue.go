package opsdb

import (
	"cmp"
	"slices"
)

// InOrder puts moves into the order of dispatch, each once: class, priority, age, number. It changes the list.
func InOrder(moves []OpenMove) []OpenMove {
	slices.SortFunc(moves, ahead)
	return slices.CompactFunc(moves, func(a, b OpenMove) bool { return ahead(a, b) == 0 })
}

func ahead(a, b OpenMove) int {
	return cmp.Or(cmp.Compare(a.Class.Rank(), b.Class.Rank()), cmp.Compare(b.Priority, a.Priority), a.MadeAt.Compare(b.MadeAt),
		cmp.Compare(a.Number, b.Number), cmp.Compare(a.Package, b.Package), cmp.Compare(a.To, b.To), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.From, b.From))
}
