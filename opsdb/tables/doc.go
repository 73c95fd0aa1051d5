// Package tables is OpsDB as rows of a relational database: what the contract of a
// store asks for, written once in SQL that SQLite and PostgreSQL both understand.
//
// An adapter brings transactions ([View], [Tx]) and its [Dialect], and embeds
// [Store], which has the acts that are the same everywhere. What must be written
// for one database alone stays there: opening, migrations, roles, news of
// changes, and what runs so often that it goes in lots.
//
// It opens nothing and knows no driver. It decides nothing about routes; what a
// deletion needs is [opsdb.Deletable]. It may import opsdb.
package tables
