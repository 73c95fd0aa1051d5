package measure

// Kind is how an instrument counts.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"   // only rises
	Gauge     Kind = "gauge"     // is so now
	Histogram Kind = "histogram" // a distribution
)

// Instrument is one thing that is measured.
type Instrument struct {
	Name   string // OpenTelemetry's: "cdt.task.duration"
	Kind   Kind
	Unit   string // UCUM: "By", "s", "{task}", "{flag}"
	Help   string
	Labels []string
	// Bounds are the upper bounds of a histogram's buckets, in its unit.
	Bounds []float64
}

// The names of the instruments.
const (
	taskEnded     = "cdt.task.ended"
	taskDuration  = "cdt.task.duration"
	taskBytes     = "cdt.task.bytes"
	taskRunning   = "cdt.task.running"
	taskWaited    = "cdt.task.waited"
	gateWaited    = "cdt.gate.waited"
	movedBytes    = "cdt.moved"
	crossed       = "cdt.link.crossed"
	journal       = "cdt.journal.waiting"
	renewals      = "cdt.lease.renewals"
	archivedAfter = "cdt.archived.after"
	passDuration  = "cdt.engine.pass.duration"
	passDid       = "cdt.engine.pass.did"
	passFailed    = "cdt.engine.pass.failed"
	passAge       = "cdt.engine.pass.age"
	files         = "cdt.files"
	fileBytes     = "cdt.files.size"
	copies        = "cdt.copies"
	copyBytes     = "cdt.copies.size"
	packages      = "cdt.packages"
	dirty         = "cdt.packages.dirty"
	tasks         = "cdt.tasks"
	moves         = "cdt.moves"
	oldestPending = "cdt.oldest.pending.age"
	oldestUnread  = "cdt.oldest.unverified.age"
	locationBytes = "cdt.location.size"
	down          = "cdt.down"
	linkBacklog   = "cdt.link.backlog"
	linkInUse     = "cdt.link.in_use"
	timeSuspect   = "cdt.time.suspect"
	clockOffset   = "cdt.clock.offset"
	restored      = "cdt.restored"
	auditTail     = "cdt.audit.unchained"
	auditBroken   = "cdt.audit.broken"
	lost          = "cdt.telemetry.lost"
)

// The labels.
const (
	labelType     = "type"     // stage type: package, transfer, archive, stage, verify, delete
	labelRoute    = "route"    // name of the route
	labelStage    = "stage"    // name of the stage in its route
	labelTo       = "to"       // location written, checked or cleaned
	labelLink     = "link"     // "ccat>cologne"; empty within a site
	labelPiece    = "piece"    // whole, send, receive
	labelEnd      = "end"      // finished, failed, postponed, dropped
	labelFailure  = "failure"  // class of the failure; empty if there was none
	labelSite     = "site"     // name of the site
	labelPhase    = "phase"    // moving, syncing, reading, …
	labelWhat     = "what"     // see the instrument
	labelLocation = "location" // "site.location"
	labelState    = "state"    // of the copy, package or task
	labelVerdict  = "verdict"  // satisfied … blocked
	labelReason   = "reason"   // from the closed list of reasons
	labelKind     = "kind"     // site, location or link
	labelName     = "name"     // of the site, location or link
	labelSink     = "sink"     // influxdb, otlp_traces, otlp_logs
)

// Instruments lists everything that is measured, in the order in which it is documented.
func Instruments() []Instrument {
	return append(append(ofWorkers(), ofEngines()...), ofTheObservatory()...)
}

func ofWorkers() []Instrument {
	task := []string{labelType, labelRoute, labelStage, labelTo, labelLink, labelPiece}
	return []Instrument{
		{Name: taskEnded, Kind: Counter, Unit: "{attempt}", Help: "attempts at tasks that ended, by how", Labels: append(task[:len(task):len(task)], labelEnd, labelFailure)},
		{Name: taskDuration, Kind: Histogram, Unit: "s", Help: "how long attempts ran", Labels: append(task[:len(task):len(task)], labelEnd),
			Bounds: []float64{0.01, 0.1, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600}},
		{Name: taskBytes, Kind: Counter, Unit: "By", Help: "bytes of the packages whose attempts ended well", Labels: task},
		{Name: taskRunning, Kind: Gauge, Unit: "{task}", Help: "tasks running in this process", Labels: []string{labelType}},
		{Name: taskWaited, Kind: Histogram, Unit: "s", Help: "from dispatch to claim", Labels: []string{labelType, labelSite},
			Bounds: []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 120}},
		{Name: gateWaited, Kind: Histogram, Unit: "s", Help: "how long an attempt had waited at a gate before it was given out, by what the gate said (`dtctl why`)", Labels: []string{labelType, labelReason},
			Bounds: []float64{0.01, 0.1, 1, 10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600}},
		{Name: movedBytes, Kind: Counter, Unit: "By", Help: "bytes that went through, while they go: its rate is the transfer rate", Labels: []string{labelType, labelTo, labelLink, labelPhase}},
		{Name: crossed, Kind: Counter, Unit: "By", Help: "bytes sent over a link by attempts that ended: arrived, lost (the attempt failed), kept (of earlier attempts: they did not cross again)", Labels: []string{labelLink, labelWhat}},
		{Name: journal, Kind: Gauge, Unit: "{result}", Help: "results that wait for OpsDB in this worker's journal"},
		{Name: renewals, Kind: Counter, Unit: "{renewal}", Help: "renewals of leases: ok, failed (OpsDB away) or lost (somebody else has the task)", Labels: []string{labelEnd}},
		{Name: archivedAfter, Kind: Histogram, Unit: "s", Help: "from the making of a package to its receipt in an archive", Labels: []string{labelRoute, labelLocation},
			Bounds: []float64{60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 7 * 24 * 3600}},
		{Name: lost, Kind: Counter, Unit: "{item}", Help: "metrics, spans and log lines that were thrown away because their receiver was away or slow, or refused them", Labels: []string{labelSink}},
	}
}

func ofEngines() []Instrument {
	return []Instrument{
		{Name: passDuration, Kind: Histogram, Unit: "s", Help: "how long a pass of the engine took", Bounds: []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30}},
		{Name: passDid, Kind: Counter, Unit: "{item}", Help: "what passes did: routed, closed, evaluated, dispatched, expired, chained", Labels: []string{labelWhat}},
		{Name: passFailed, Kind: Counter, Unit: "{pass}", Help: "passes that ended with an error"},
		{Name: passAge, Kind: Gauge, Unit: "s", Help: "since the last pass that ended well"},
	}
}

func ofTheObservatory() []Instrument {
	at := []string{labelLocation, labelState}
	return []Instrument{
		{Name: files, Kind: Gauge, Unit: "{file}", Help: "source files", Labels: at},
		{Name: fileBytes, Kind: Gauge, Unit: "By", Help: "bytes of source files", Labels: at},
		{Name: copies, Kind: Gauge, Unit: "{copy}", Help: "copies of packages", Labels: at},
		{Name: copyBytes, Kind: Gauge, Unit: "By", Help: "bytes of copies of packages", Labels: at},
		{Name: packages, Kind: Gauge, Unit: "{package}", Help: "packages: packing, moving, archived, blocked, superseded", Labels: []string{labelState}},
		{Name: dirty, Kind: Gauge, Unit: "{package}", Help: "packages that wait to be evaluated"},
		{Name: tasks, Kind: Gauge, Unit: "{task}", Help: "tasks by state", Labels: []string{labelState}},
		{Name: moves, Kind: Gauge, Unit: "{move}", Help: "open moves by verdict and reason", Labels: []string{labelVerdict, labelReason}},
		{Name: oldestPending, Kind: Gauge, Unit: "s", Help: "age of the oldest file that is not in every archive; 0: there is none"},
		{Name: oldestUnread, Kind: Gauge, Unit: "s", Help: "since the copy that was read back longest ago", Labels: []string{labelLocation}},
		{Name: locationBytes, Kind: Gauge, Unit: "By", Help: "of a location: capacity, used, reserved, free, total", Labels: []string{labelLocation, labelWhat}},
		{Name: down, Kind: Gauge, Unit: "{flag}", Help: "1 while a site, location or link cannot be used (reason breaker: its breaker is open), else 0", Labels: []string{labelKind, labelName, labelReason}},
		{Name: linkBacklog, Kind: Gauge, Unit: "By", Help: "bytes of open moves over a link", Labels: []string{labelLink}},
		{Name: linkInUse, Kind: Gauge, Unit: "{slot}", Help: "slots of a link that are taken", Labels: []string{labelLink}},
		{Name: timeSuspect, Kind: Gauge, Unit: "{flag}", Help: "1 while the clock is not believed, and nothing is condemned"},
		{Name: clockOffset, Kind: Gauge, Unit: "s", Help: "this process's clock less the database's"},
		{Name: restored, Kind: Gauge, Unit: "{flag}", Help: "1 while the database was put back and no inventory has passed: nothing is deleted or packed"},
		{Name: auditTail, Kind: Gauge, Unit: "{event}", Help: "events of the audit log that are not chained yet"},
		{Name: auditBroken, Kind: Gauge, Unit: "{flag}", Help: "1 if the chain of the audit log did not hold when it was last verified, else 0"},
	}
}
