package postgres

import (
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

const fileColumns = `f.key, f.id, f.location, f.path, f.size, f.mod_time, f.identity, f.digest, f.instrument, f.observation, f.module, f.program, f.tags,
  f.state, f.filed_at, f.version, f.homes, f.conflict`

// filed is a file row with what only the store looks at.
type filed struct {
	opsdb.File
	key      int64
	homes    int
	conflict string
}

func scanFiled(r scanner) (f filed, err error) {
	var path []byte
	var mod int64
	var at *time.Time
	var tag string
	err = r.Scan(&f.key, &f.ID, &f.Location, &path, &f.Size, &mod, &f.Identity, &f.Digest, &f.Instrument, &f.Observation, &f.Module, &f.Program, &tag,
		&f.State, &at, &f.Version, &f.homes, &f.conflict)
	plain(&f.Instrument, &f.Observation, &f.Module, &f.Program)
	f.Path, f.ModTime, f.FiledAt, f.Tags = string(path), time.Unix(0, mod).UTC(), timeOf(at), tags(tag)
	return f, err
}

func scanFile(r scanner) (opsdb.File, error) {
	f, err := scanFiled(r)
	return f.File, err
}

const groupColumns = `g.key, g.id, g.route, g.stage, g.location, g.group_key, g.instrument, g.observation, g.module, g.program, g.tags, g.files, g.bytes,
  g.first, g.last, g.finished, g.closed, g.version, g.evaluated, g.wake_at`

type group struct {
	opsdb.Group
	key int64
}

func scanGroupRow(r scanner) (g group, err error) {
	var first, last, wake *time.Time
	var tag string
	err = r.Scan(&g.key, &g.ID, &g.Route, &g.Stage, &g.Location, &g.Key, &g.Instrument, &g.Observation, &g.Module, &g.Program, &tag, &g.Files, &g.Bytes,
		&first, &last, &g.Finished, &g.Closed, &g.Version, &g.Evaluated, &wake)
	plain(&g.Key, &g.Instrument, &g.Observation, &g.Module, &g.Program)
	g.First, g.Last, g.WakeAt, g.Tags = timeOf(first), timeOf(last), timeOf(wake), tags(tag)
	return g, err
}

func scanGroup(r scanner) (opsdb.Group, error) {
	g, err := scanGroupRow(r)
	return g.Group, err
}

const memberColumns = `f.id, m.path, m.name, m.start, m.size, m.mod_time, m.identity, m.digest`

func scanMember(pkg opsdb.ID) func(scanner) (opsdb.Member, error) {
	return func(r scanner) (m opsdb.Member, err error) {
		var path []byte
		var mod int64
		err = r.Scan(&m.File, &path, &m.Name, &m.Offset, &m.Size, &mod, &m.Identity, &m.Digest)
		m.Package, m.Path, m.ModTime = pkg, string(path), time.Unix(0, mod).UTC()
		return m, err
	}
}

func scanKey(r scanner) (key int64, err error) {
	err = r.Scan(&key)
	return key, err
}

// lockFiles takes files, before them the open groups they are in, and after them the packages that hold them.
func (t *tx) lockFiles(keys []int64) error {
	t.queue(`SELECT FROM file_group WHERE key IN (SELECT grp FROM group_file WHERE file = ANY($1::bigint[])) ORDER BY key FOR NO KEY UPDATE`, keys)
	t.queue(`SELECT FROM file WHERE key = ANY($1::bigint[]) ORDER BY key FOR NO KEY UPDATE`, keys)
	packages, err := query(&t.view, scanID, `SELECT DISTINCT p.id FROM member m JOIN package p ON p.key = m.package WHERE m.file = ANY($1::bigint[])`, keys)
	if err != nil {
		return err
	}
	return t.lock(packages...)
}

// touchHolders marks the packages dirty that hold a file.
const touchHolders = `UPDATE package_state SET version = version + 1 WHERE package IN (SELECT package FROM member WHERE file = $1)`

// lockMembers takes the files that an outcome speaks of.
func (t *tx) lockMembers(out opsdb.Outcome) error {
	ids := append([]opsdb.ID{}, out.Removed...)
	for _, m := range out.Changed {
		ids = append(ids, m.File)
	}
	if len(ids) == 0 {
		return nil
	}
	keys, err := query(&t.view, scanKey, `SELECT key FROM file WHERE id = ANY($1::text[])`, idList(ids))
	if err != nil {
		return err
	}
	return t.lockFiles(keys)
}
