package tables

import "github.com/ccatobs/cdt/opsdb"

// MoveColumns are what [ScanMove] reads of open_move m.
const MoveColumns = `m.package, m.stage, m.from_loc, m.to_loc, m.version, m.route, m.type, m.link, m.verdict, m.reason, m.text, m.since, m.class, m.priority, m.number, m.made_at,
  m.bytes, m.has_left, m.on_way, m.source_copy, m.target_copy, m.form, m.expect, m.send_site, m.receive_site, m.waits`

// ScanMove reads MoveColumns.
func ScanMove(r Scanner) (m opsdb.OpenMove, err error) {
	var class int
	err = r.Scan(&m.Package, &m.Stage, &m.From, &m.To, &m.Version, &m.Route, &m.Type, &m.Link, &m.Verdict, &m.Reason, &m.Text, At(&m.Since), &class, &m.Priority, &m.Number, At(&m.MadeAt),
		&m.Bytes, &m.Left, &m.OnWay, &m.SourceCopy, &m.TargetCopy, &m.Form, &m.Expect, &m.SendSite, &m.ReceiveSite, &m.Waits)
	m.Class = classOf(class)
	return m, err
}

// MoveFields are the columns that MoveRow gives.
func MoveFields() []string {
	return []string{"package", "stage", "from_loc", "to_loc", "version", "route", "type", "link", "verdict", "reason", "text", "since", "class", "priority", "number", "made_at",
		"bytes", "has_left", "on_way", "source_copy", "target_copy", "form", "expect", "send_site", "receive_site", "waits", "queued"}
}

// MoveRow is a move as it is written.
func MoveRow(m opsdb.OpenMove) []any {
	return []any{string(m.Package), m.Stage, m.From, m.To, m.Version, m.Route, m.Type, m.Link, m.Verdict, m.Reason, m.Text, Time(m.Since), m.Class.Rank(), m.Priority, m.Number, Time(m.MadeAt),
		m.Bytes, m.Left, m.OnWay, string(m.SourceCopy), string(m.TargetCopy), string(m.Form), string(m.Expect), m.SendSite, m.ReceiveSite, string(m.Waits), m.Verdict == "ready"}
}

func classOf(rank int) opsdb.Class {
	if all := opsdb.Classes(); rank >= 0 && rank < len(all) {
		return all[rank]
	}
	return ""
}
