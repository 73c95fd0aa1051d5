// Package stagestest is what every stage type must pass: it resumes after a
// kill at any effect, is idempotent, honours a cancel, and reports facts.
//
// A test hands [Run] the registry and real storages; the suite plays the store
// with a [World] in memory. It imports stages, the contract of storage, effect and the nouns of opsdb.
package stagestest
