// Package threesites is an example: three sites with an ocean between them, as
// machines on one. Its script `sites` and its test run it; see README.md.
package threesites
