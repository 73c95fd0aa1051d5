// Package measure is what CDT measures about itself: the list of instruments
// with their names, units and labels, and one method for each thing that
// happens. It speaks to the interfaces of OpenTelemetry's metric and trace
// API; where figures go decides who makes the provider (package telemetry).
//
// There is one list, [Instruments]. The reference page is generated from it,
// and dashboards and alert rules are held against it. No label has an unbounded
// number of values: no package, file, task or worker ids.
//
// It is a leaf like clock and effect: it imports nothing of ours, and any may import it.
package measure
