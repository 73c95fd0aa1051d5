package postgres

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

const packageColumns = `p.key, p.id, p.route, p.stage, p.number, p.name, p.dir, p.grp, p.source, p.destination, p.files, p.bytes, p.size,
  p.digest, p.manifest, p.instrument, p.observation, p.module, p.program, p.tags, p.observed_at, p.made_at, p.made_age,
  s.version, s.evaluated, s.wake_at, p.quarantined, p.gone, s.wanted, s.policies`

// packageFrom is both rows of a package, p and s.
const packageFrom = ` FROM package p JOIN package_state s ON s.package = p.key `

// pack is a package row with what only the store looks at.
type pack struct {
	opsdb.Package
	key      int64
	gone     int
	wanted   []string
	policies map[string]opsdb.Policy
}

func scanPackage(r scanner) (p pack, err error) {
	var observed, made, age, wake *time.Time
	var tag, wanted, policies string
	err = r.Scan(&p.key, &p.ID, &p.Route, &p.Stage, &p.Number, &p.Name, &p.Dir, &p.Group, &p.Source, &p.Destination, &p.Files, &p.Bytes, &p.Size,
		&p.Digest, &p.Manifest, &p.Instrument, &p.Observation, &p.Module, &p.Program, &tag, &observed, &made, &age,
		&p.Version, &p.Evaluated, &wake, &p.Quarantined, &p.gone, &wanted, &policies)
	if err != nil {
		return p, err
	}
	plain(&p.Instrument, &p.Observation, &p.Module, &p.Program)
	p.Tags = tags(tag)
	p.ObservedAt, p.MadeAt, p.MadeAge, p.WakeAt = timeOf(observed), timeOf(made), timeOf(age), timeOf(wake)
	if err := json.Unmarshal([]byte(wanted), &p.wanted); err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(policies), &p.policies)
}

func (v *view) pack(id opsdb.ID) (pack, error) {
	return one(v, scanPackage, `SELECT `+packageColumns+packageFrom+`WHERE p.id = $1`, string(id))
}

// whole reads a package with its segment digests.
func (v *view) whole(id opsdb.ID) (opsdb.Package, error) {
	p, err := v.pack(id)
	if err != nil {
		return p.Package, err
	}
	var segments string
	if ok, err := v.get([]any{&segments}, `SELECT digests FROM segments WHERE package = $1`, p.key); err != nil || !ok {
		return p.Package, err
	}
	return p.Package, json.Unmarshal([]byte(segments), &p.Package.Segments)
}

func (t *tx) insertPackage(p opsdb.Package, revision int64, firstFiled any) error {
	return errors.Join(t.exec(`INSERT INTO package (id, route, stage, number, name, dir, grp, source, destination, files, bytes, size,
	    instrument, observation, module, program, tags, observed_at, made_at, made_age, first_filed)
	  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		string(p.ID), p.Route, p.Stage, p.Number, p.Name, p.Dir, string(p.Group), p.Source, p.Destination, p.Files, p.Bytes, p.Size,
		p.Instrument, p.Observation, p.Module, p.Program, text(p.Tags), us(p.ObservedAt), us(p.MadeAt), us(p.MadeAge), firstFiled),
		t.exec(`INSERT INTO package_state (package, id, made_at, first_filed, revision) SELECT key, id, made_at, first_filed, $2 FROM package WHERE id = $1`, string(p.ID), revision))
}

// touch marks packages dirty; the caller holds them, or holds nothing that comes after packages.
func (t *tx) touch(ids ...opsdb.ID) error {
	return t.exec(`UPDATE package_state SET version = version + 1 WHERE id = ANY($1::text[])`, idList(ids))
}

// lock takes packages in the order of their ids. What was read of them before may be out of date.
func (t *tx) lock(ids ...opsdb.ID) error {
	slices.Sort(ids)
	t.queue(`SELECT FROM unnest($1::text[]) x (id) CROSS JOIN LATERAL (SELECT 1 FROM package_state s WHERE s.id = x.id OFFSET 0 FOR NO KEY UPDATE) l`, idList(slices.Compact(ids)))
	return nil
}

// lockWithPeers takes packages and all that share source files with them.
func (t *tx) lockWithPeers(ids ...opsdb.ID) error {
	peers, err := query(&t.view, scanID, `SELECT DISTINCT o.id FROM package p JOIN peer e ON e.package = p.key JOIN package o ON o.key = e.other WHERE p.id = ANY($1::text[])`, idList(ids))
	if err != nil {
		return err
	}
	return t.lock(append(peers, ids...)...)
}
