package sqlite

import (
	"github.com/ccatobs/cdt/opsdb"
)

const moveColumns = `m.package, m.stage, m.from_loc, m.to_loc, m.version, m.route, m.type, m.link, m.verdict, m.reason, m.text, m.since, m.class, m.priority, m.number, m.made_at,
  m.bytes, m.has_left, m.on_way, m.source_copy, m.target_copy, m.form, m.expect, m.send_site, m.receive_site, m.waits`

// moveFields are the same, to be written.
const moveFields = `package, stage, from_loc, to_loc, version, route, type, link, verdict, reason, text, since, class, priority, number, made_at,
  bytes, has_left, on_way, source_copy, target_copy, form, expect, send_site, receive_site, waits`

func scanMove(r scanner) (m opsdb.OpenMove, err error) {
	var since, made *int64
	var class int
	err = r.Scan(&m.Package, &m.Stage, &m.From, &m.To, &m.Version, &m.Route, &m.Type, &m.Link, &m.Verdict, &m.Reason, &m.Text, &since, &class, &m.Priority, &m.Number, &made,
		&m.Bytes, &m.Left, &m.OnWay, &m.SourceCopy, &m.TargetCopy, &m.Form, &m.Expect, &m.SendSite, &m.ReceiveSite, &m.Waits)
	m.Since, m.MadeAt, m.Class = timeOf(since), timeOf(made), classOf(class)
	return m, err
}

func (t *tx) insertMove(m opsdb.OpenMove) error {
	return t.exec(`INSERT INTO open_move (`+moveFields+`, queued) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(m.Package), m.Stage, m.From, m.To, m.Version, m.Route, m.Type, m.Link, m.Verdict, m.Reason, m.Text, us(m.Since), classRank(m.Class), m.Priority, m.Number, us(m.MadeAt),
		m.Bytes, boolInt(m.Left), boolInt(m.OnWay), string(m.SourceCopy), string(m.TargetCopy), string(m.Form), string(m.Expect), m.SendSite, m.ReceiveSite, string(m.Waits), boolInt(m.Verdict == "ready"))
}
