// Package opsdb is the operations database as the rest of CDT sees it: the
// nouns (sites, files, packages, copies, receipts, tasks, events) and the
// contract of a store that keeps them.
//
// It holds no SQL and no policy about routes. What it does hold besides nouns
// is [Deletable], the one safety gate (design, section 8), because the engine,
// which condemns, and the store, which confirms right before the act, must
// use the same rule.
//
// It imports nothing of ours. Adapters live in opsdb/sqlite and
// opsdb/postgres; opsdb/opsdbtest is the conformance suite both must pass.
package opsdb
