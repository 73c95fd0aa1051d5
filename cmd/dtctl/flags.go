package main

import (
	"time"

	"github.com/spf13/pflag"
)

// leaseFlags are the flags of whatever runs tasks.
func leaseFlags(f *pflag.FlagSet, lease, grace, scan *time.Duration) {
	f.DurationVar(lease, "lease", time.Minute, "how long a worker may be silent before its task is taken from it")
	f.DurationVar(grace, "grace", 20*time.Second, "how long a stop waits for what runs")
	f.DurationVar(scan, "scan", 30*time.Second, "between two scans of a source location")
}
