package route_test

import (
	"strings"
	"testing"

	"github.com/ccatobs/cdt/engine/route"
)

func TestParseSize(t *testing.T) {
	t.Parallel()
	if n, err := route.ParseSize("300MB"); n != 300_000_000 || err != nil {
		t.Errorf("300MB is %d, %v", n, err)
	}
	if _, err := route.ParseSize("300"); err == nil || !strings.Contains(err.Error(), "unit") {
		t.Errorf("300 gives %v", err)
	}
}
