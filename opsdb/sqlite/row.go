package sqlite

import (
	"github.com/ccatobs/cdt/opsdb"
	"github.com/ccatobs/cdt/opsdb/tables"
)

// What rows are read as.
type (
	scanner = tables.Scanner
	job     = tables.Job
	pack    = tables.Pack
	filed   = tables.Filed
	group   = tables.Grouped
)

func (t *tx) insertTask(j job) error {
	return tables.Insert(t, "task", tables.TaskFields(), tables.TaskRow(j, t.now))
}

func (t *tx) insertPackage(p opsdb.Package, firstFiled any) (int64, error) {
	return t.insert(`INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size,
	    instrument, observation, module, program, tags, observed_at, made_at, made_age, first_filed)
	  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(p.ID), p.Route, p.Stage, p.Number, p.Name, p.Dir, string(p.Group), p.Source, p.Destination, p.Files, p.Bytes, p.Size,
		p.Instrument, p.Observation, p.Module, p.Program, text(p.Tags), us(p.ObservedAt), us(p.MadeAt), us(p.MadeAge), firstFiled)
}

func (t *tx) insertMove(m opsdb.OpenMove) error {
	return tables.Insert(t, "open_move", tables.MoveFields(), tables.MoveRow(m))
}
