package sqlite

import (
	"encoding/json"

	"github.com/ccatobs/cdt/opsdb"
)

const packageColumns = `p.key, p.id, p.route, p.stage, p.number, p.name, p.dir, p.grp, p.source, p.destination, p.files, p.bytes, p.size,
  p.digest, p.manifest, p.instrument, p.observation, p.module, p.program, p.tags, p.observed_at, p.made_at, p.made_age,
  p.version, p.evaluated, p.wake_at, p.quarantined, p.gone, p.wanted, p.policies`

// pack is a package row with what only the store looks at.
type pack struct {
	opsdb.Package
	key      int64
	gone     int
	wanted   []string
	policies map[string]opsdb.Policy
}

func scanPackage(r scanner) (p pack, err error) {
	var observed, made, age, wake *int64
	var tag, wanted, policies string
	err = r.Scan(&p.key, &p.ID, &p.Route, &p.Stage, &p.Number, &p.Name, &p.Dir, &p.Group, &p.Source, &p.Destination, &p.Files, &p.Bytes, &p.Size,
		&p.Digest, &p.Manifest, &p.Instrument, &p.Observation, &p.Module, &p.Program, &tag, &observed, &made, &age,
		&p.Version, &p.Evaluated, &wake, &p.Quarantined, &p.gone, &wanted, &policies)
	if err != nil {
		return p, err
	}
	p.Tags = tags(tag)
	p.ObservedAt, p.MadeAt, p.MadeAge, p.WakeAt = timeOf(observed), timeOf(made), timeOf(age), timeOf(wake)
	if err := json.Unmarshal([]byte(wanted), &p.wanted); err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(policies), &p.policies)
}

func (v *view) pack(id opsdb.ID) (pack, error) {
	return one(v, scanPackage, `SELECT `+packageColumns+` FROM package p WHERE p.id = ?`, string(id))
}

// whole reads a package with its segment digests.
func (v *view) whole(id opsdb.ID) (opsdb.Package, error) {
	p, err := v.pack(id)
	if err != nil {
		return p.Package, err
	}
	var segments string
	if ok, err := v.get([]any{&segments}, `SELECT digests FROM segments WHERE package = ?`, p.key); err != nil || !ok {
		return p.Package, err
	}
	return p.Package, json.Unmarshal([]byte(segments), &p.Package.Segments)
}

func (t *tx) insertPackage(p opsdb.Package, firstFiled any) (int64, error) {
	return t.insert(`INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size,
	    instrument, observation, module, program, tags, observed_at, made_at, made_age, first_filed)
	  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(p.ID), p.Route, p.Stage, p.Number, p.Name, p.Dir, string(p.Group), p.Source, p.Destination, p.Files, p.Bytes, p.Size,
		p.Instrument, p.Observation, p.Module, p.Program, text(p.Tags), us(p.ObservedAt), us(p.MadeAt), us(p.MadeAge), firstFiled)
}
