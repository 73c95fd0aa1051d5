package graph_test

import (
	"slices"
	"testing"

	"github.com/ccatobs/cdt/engine/graph"
)

func TestAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit []string
		want []string
	}{
		"nothing":            {nil, nil},
		"a transfer renamed": {[]string{"      ship: ", "      send: "}, nil}, // what is there is not sent again
		"a route renamed": {[]string{"  raw:\n", "  new:\n"}, []string{
			"route new would pack files at ccat.primecam again that the route raw has packed; if it is that route, write formerly: [raw]",
			"route new would pack files at ccat.chai again that the route raw has packed; if it is that route, write formerly: [raw]",
		}},
		"a route renamed, and said so": {[]string{"  raw:\n", "  new:\n    formerly: [raw]\n"}, nil},
		"a package stage renamed": {[]string{"      pack:\n", "      bag:\n", "[ccat.primecam, ccat.chai]", "ccat.chai", "        ccat.primecam:  {delete_when: age >= days(14), pressure: {above: 80%, until: 60%}}\n", ""}, []string{
			"route raw: the stage bag would pack files at ccat.chai again that the stage pack has packed; if it is that stage, write formerly: [pack]",
		}},
		"a package stage renamed, and said so": {[]string{"      pack:\n", "      bag:\n        formerly: [pack]\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := graph.Again(ccat(t), ccat(t, c.edit...)); !slices.Equal(got, c.want) {
				t.Errorf("%q", got)
			}
		})
	}
}
