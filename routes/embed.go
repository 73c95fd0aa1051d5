// Package routes is the routes of CCAT as data: what should happen to the raw
// data of the observatory. It imports nothing of ours; engine/route reads it.
package routes

import "embed"

// Files are the routes of CCAT, as they stand in this folder.
//
//go:embed *.yaml
var Files embed.FS
