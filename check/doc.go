// Package check is the independent checker: it re-reads the disks and OpsDB's
// rows and events, and says what is wrong.
//
// It is not part of the way of the data and trusts nothing of it. It has its
// own reading of tars, bags, digests and the hash chain, and its own judgement
// of deletions, so that a mistake in the engine is not repeated here. It
// changes nothing and may run beside a system that is at work.
//
// It imports opsdb for its nouns (never for [opsdb.Deletable]) and nothing
// else of ours.
package check
