// Package deploy holds what CDT is run with: Compose, Grafana, Prometheus, the
// collector, Loki, Promtail, systemd and Kubernetes. It has no code; its tests hold
// every name in these files against the code, so that they cannot drift.
package deploy
