// Package sqlite keeps OpsDB in one SQLite file: the store of embedded mode.
//
// It has one writer connection and a few readers on a write-ahead log.
// Counters (room, slots, totals, versions) are kept by triggers of the schema,
// so that no path of the code can forget them; see migrations. It decides
// nothing about routes; the one rule it applies is [opsdb.Deletable].
//
// What every store does alike is in opsdb/tables. It may import that, opsdb, clock and effect.
package sqlite
