// Package examples is routes to begin from, one folder each. Its tests run them through dtctl.
package examples
