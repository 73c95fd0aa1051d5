// Package schemas is the JSON Schemas as data: of routes, and what else people
// write. They are generated (dtctl schema) from the lists of fields that the
// parsers go by; a check fails when they are stale. It imports nothing of ours.
package schemas

import _ "embed"

// Route is the JSON Schema of a file of routes.
//
//go:embed route.schema.json
var Route []byte
