package main

import (
	"bytes"
	"testing"

	"github.com/ccatobs/cdt/schemas"
)

func TestSchemaIsNotStale(t *testing.T) {
	t.Parallel()
	made, err := routeSchema()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made, schemas.Route) {
		t.Error("schemas/route.schema.json is stale: run `make generate`")
	}
}
