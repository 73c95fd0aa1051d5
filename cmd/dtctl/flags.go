package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/pflag"
)

// leaseFlags are the flags of whatever runs tasks.
func leaseFlags(f *pflag.FlagSet, lease, grace, scan *time.Duration) {
	spanVar(f, lease, "lease", time.Minute, time.Second, "how long a worker may be silent before its task is taken from it")
	spanVar(f, grace, "grace", 20*time.Second, 0, "how long a stop waits for what runs")
	spanVar(f, scan, "scan", 30*time.Second, shortestPause, "between two scans of a source location")
}

// shortestPause is the least that may lie between two looks at the same.
const shortestPause = 100 * time.Millisecond

// span is a duration that may not be shorter than what can be kept.
type span struct {
	d     *time.Duration
	least time.Duration
}

// spanVar is a flag of a duration of at least so much.
func spanVar(f *pflag.FlagSet, d *time.Duration, name string, otherwise, least time.Duration, usage string) {
	*d = otherwise
	f.Var(span{d, least}, name, usage)
}

// Set implements [pflag.Value].
func (s span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("write it as 30s or 2m")
	}
	if d < s.least {
		return fmt.Errorf("it must be at least %s", s.least)
	}
	*s.d = d
	return nil
}

// String implements [pflag.Value].
func (s span) String() string {
	if s.d == nil {
		return ""
	}
	return s.d.String()
}

// Type implements [pflag.Value].
func (span) Type() string { return "duration" }

// webAddress reports whether text is an address something can be posted to.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
