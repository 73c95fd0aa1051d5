package route

// The language as data: from these lists come the checks, the defaults, the
// schema and the reference page. What a stage takes is handed in, by its type.

func topFields() []Field {
	return []Field{
		{Name: "version", Type: Int, Help: "version of the language; if written it stands first, and it is 1", Example: "1"},
		{Name: "sites", Type: Map, Fields: siteFields(), Help: "the places with machines"},
		{Name: "links", Type: Objects, Fields: linkFields(), Help: "directed connections between two sites"},
		{Name: "sets", Type: placesMap, Help: "names for lists of locations, in order"},
		{Name: "routes", Type: Map, Fields: routeFields(), Help: "what should happen"},
	}
}

func siteFields() []Field {
	return []Field{
		{Name: "name", Type: String, Help: "the site's name for people", Example: "CCAT Observatory, Cerro Chajnantor"},
		{Name: "state", Type: Choice, Options: []string{"active", "planned", "lost"}, Default: "active",
			Help: "planned: checked, but nothing is wanted there; lost: its copies count for nothing"},
		{Name: "send_once", Type: Bool, Default: "false", Help: "a package leaves this site once; the rest is replication"},
		{Name: "send_again_after", Type: Duration, Help: "when a package may leave the site again by itself; never if not said", Example: "7d"},
		{Name: "locations", Type: Map, Fields: locationFields(), Required: true, Help: "the storage places of the site"},
	}
}

func locationFields() []Field {
	return []Field{
		{Name: "type", Type: Choice, Options: []string{"source", "buffer", "long_term_archive", "processing"}, Required: true, Help: "what the location is for"},
		{Name: "name", Type: String, Help: "the location's name for people"},
		{Name: "disk", Type: Object, Help: "a folder", Fields: []Field{
			{Name: "path", Type: String, Required: true, Help: "its root", Example: "/data/buffer"},
		}},
		{Name: "s3", Type: Object, Help: "a bucket", Fields: []Field{
			{Name: "endpoint", Type: String, Required: true, Help: "address of the server", Example: "https://s3.example.org"},
			{Name: "bucket", Type: String, Required: true, Help: "name of the bucket", Example: "ccat-raw"},
			{Name: "credentials", Type: String, Required: true, Help: "name of the credentials in the worker's environment or its file of credentials; never the credentials themselves", Example: "COLOGNE_LTA"},
			{Name: "prefix", Type: String, Help: "what every key begins with", Example: "raw"},
			{Name: "region", Type: String, Default: "us-east-1", Help: "region of the bucket; servers without regions take the default"},
			{Name: "path_style", Type: Bool, Default: "true", Help: "https://server/bucket; false: https://bucket.server"},
		}},
		{Name: "tape", Type: Object, Help: "a tape library behind commands", Fields: []Field{
			{Name: "path", Type: String, Required: true, Help: "the folder in front of the library"},
			{Name: "put", Type: Names, Help: "command that sees to it that a file is on tape, a list of words; {path} is the file", Example: `[/usr/local/bin/hsm-migrate, "{path}"]`},
			{Name: "recall", Type: Names, Help: "command that brings a file back to the folder", Example: `[/usr/local/bin/hsm-recall, "{path}"]`},
			{Name: "verify", Type: Names, Help: "command that re-reads a file on tape and prints its SHA-256", Example: `[/usr/local/bin/hsm-verify, "{path}"]`},
		}},
		{Name: "capacity", Type: Size, Help: "bytes the location may take", Example: "200TB"},
		{Name: "reserve", Type: Size, Help: "room kept for packages that have left their source site; two packages of max_size if not said", Example: "100GB"},
		{Name: "ahead", Type: Size, Help: "bytes that may wait here for the next hop; four packages of max_size if not said", Example: "200GB"},
		{Name: "backfill", Type: Share, Default: "30%", Help: "share of the location that back-fill may use"},
		{Name: "at_once", Type: Int, Min: 1, Help: "tasks at once that write here; no limit if not said"},
		{Name: "layout", Type: String, Default: "{observation}/**", Help: "of a source: how its folders are named", Example: "{instrument}/{observation}/{module}/**"},
		{Name: "final", Type: Object, Help: "of a source: when a found file is complete", Fields: []Field{
			{Name: "by", Type: Choice, Options: []string{"rename", "stable", "marker"}, Default: "stable", Help: "rename: its name is final; stable: it has not changed for a while; marker: a marker file says so"},
			{Name: "after", Type: Duration, Default: "60s", Help: "how long it must not have changed"},
		}},
		{Name: "ignore", Type: Names, Help: "of a source: patterns of files that are no data", Example: `["*.tmp"]`},
	}
}

func linkFields() []Field {
	return []Field{
		{Name: "from", Type: String, Required: true, Help: "the site it leaves"},
		{Name: "to", Type: String, Required: true, Help: "the site it reaches"},
		{Name: "transport", Type: Choice, Options: []string{"local", "rsync", "bbcp"}, Required: true, Help: "how bytes move"},
		{Name: "bandwidth", Type: Rate, Help: "what the link carries", Example: "1Gbit/s"},
		{Name: "rtt", Type: Duration, Help: "round-trip time", Example: "220ms"},
		{Name: "at_once", Type: Int, Min: 1, Default: "1", Help: "sends at once"},
		{Name: "cost", Type: Number, Default: "1", Help: "factor on the time a package takes, to prefer other links"},
		{Name: "driver", Type: String, Help: "site that runs the send; the source if not said"},
		{Name: "limits", Type: Objects, Help: "rates by time of day: the lowest that holds when a send begins and until it ends, shared by as many sends as there may be at once", Fields: []Field{
			{Name: "window", Type: Window, Required: true, Help: "cron, in UTC: minutes in which the rate holds", Example: "* 12-18 * * *"},
			{Name: "rate", Type: Rate, Required: true, Help: "at most this much", Example: "600Mbit/s"},
		}},
		{Name: "share", Type: Share, Default: "10%", Help: "part of the link that each lower class keeps"},
		{Name: "local", Type: Object, Help: "settings of the transport local: there are none"},
		{Name: "rsync", Type: Object, Help: "settings of the transport rsync", Fields: farFields(), Example: "{host: data.example.org, user: cdt}"},
		{Name: "bbcp", Type: Object, Help: "settings of the transport bbcp", Fields: append(farFields(), bbcpFields()...), Example: "{host: data.example.org, streams: 16, window: 8MiB}"},
	}
}

// farFields are what transports over ssh share: how the host at the other end
// is reached, and how the programs at both ends are called.
func farFields() []Field {
	return []Field{
		{Name: "host", Type: String, Help: "the host at the other end of the link, as seen from the driver; the name of its site if not said, which ssh's own configuration may explain", Example: "data.example.org"},
		{Name: "port", Type: Int, Min: 1, Help: "port of its sshd; ssh's default if not said", Example: "2222"},
		{Name: "user", Type: String, Help: "user there; ssh's default if not said", Example: "cdt"},
		{Name: "key", Type: String, Help: "file of the private key; ssh's own if not said", Example: "/etc/cdt/link_key"},
		{Name: "known_hosts", Type: String, Help: "file with the host's key, which is always checked; ssh's own if not said", Example: "/etc/cdt/known_hosts"},
		{Name: "ssh", Type: String, Default: "ssh", Help: "the ssh program here"},
		{Name: "program", Type: String, Help: "the transport's program here; its name if not said", Example: "/usr/local/bin/bbcp"},
		{Name: "remote_program", Type: String, Help: "the transport's program at the other end; its name if not said", Example: "/opt/bbcp/bin/bbcp"},
		{Name: "agent", Type: String, Default: "dtctl", Help: "dtctl at the other end, of the same version as here", Example: "/usr/local/bin/dtctl"},
		{Name: "rate", Type: Rate, Help: "at most this much, over all the link's sends at once; a limit that holds now and is lower wins", Example: "800Mbit/s"},
	}
}

// bbcpFields are what only bbcp takes.
func bbcpFields() []Field {
	return []Field{
		{Name: "streams", Type: Int, Min: 1, Help: "parallel TCP streams of a call, 64 at most; from bandwidth, rtt and at_once if not said", Example: "16"},
		{Name: "window", Type: Size, Help: "TCP window of a stream, 8KiB to 1GiB; from bandwidth and rtt if not said. It binds in the call that stays, where both hosts allow it", Example: "8MiB"},
		{Name: "reverse", Type: Bool, Default: "false", Help: "the other end opens the data connections (bbcp -z), where a firewall asks for it"},
		{Name: "source_host", Type: String, Help: "the name by which the other end reaches this host's data network", Example: "data.ccat.example.org"},
		{Name: "ports", Type: String, Help: "range of the ports of data connections", Example: "5031:5059"},
		{Name: "buffer", Type: Size, Help: "bytes that are read and written at a time", Example: "1MiB"},
	}
}

func routeFields() []Field {
	return []Field{
		{Name: "description", Type: String, Help: "what the route is for"},
		{Name: "formerly", Type: Names, Help: "earlier names of the route, so that it keeps its identity"},
		{Name: "state", Type: Choice, Options: []string{"active", "paused"}, Default: "active", Help: "paused: nothing new is begun"},
		{Name: "stages", Type: stageMap, Required: true, Help: "the steps, by name"},
		{Name: "retention", Type: Object, Fields: retentionFields(), Help: "what may be deleted, and when"},
	}
}

func retentionFields() []Field {
	return []Field{
		{Name: "require_archived", Type: Int, Min: 1, Help: "verified archive copies at distinct sites for every deletion; the number of archive sites if not said"},
		{Name: "fresh", Type: Duration, Help: "how old a receipt may be that speaks for a deletion; the verify cycle plus 30d if not said", Example: "120d"},
		{Name: "grace", Type: Duration, Default: "24h", Help: "between condemned and gone"},
		{Name: "brake", Type: Object, Help: "most that is deleted, per hour and location", Fields: []Field{
			{Name: "bytes", Type: Size, Default: "20TB", Help: "bytes an hour"},
			{Name: "packages", Type: Int, Min: 1, Default: "2000", Help: "packages an hour"},
		}},
		{Name: "locations", Type: Map, Kind: "place", Fields: ruleFields(), Help: "rules by location or set"},
	}
}

func ruleFields() []Field {
	return []Field{
		{Name: "delete_when", Type: Expression, Kind: "delete_when", Help: "a copy here may go when this is true, and only if it is safe", Example: "age >= days(14)"},
		{Name: "pressure", Type: Object, Help: "delete earlier, oldest first, while the location is too full", Fields: []Field{
			{Name: "above", Type: Share, Required: true, Help: "start above this share of the capacity", Example: "80%"},
			{Name: "until", Type: Share, Required: true, Help: "stop below this share", Example: "60%"},
		}},
	}
}
