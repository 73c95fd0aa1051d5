//go:build servers

package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// troubles give every panel and rule something to show: links that are down, a corrupt copy, a place that a person
// has paused, more deletions than the brake lets through, and buffers that fill.
func (d *demonstration) troubles(t *testing.T) {
	t.Helper()
	d.halt(t, "sshd-cologne", "sshd-cornell")
	d.file(t, "third")
	d.reads(t, `max(cdt_down{reason="breaker"})`, is(1))
	d.reads(t, `sum(cdt_moves{verdict="waiting"})`, some)
	d.again(t, "sshd-cologne", "sshd-cornell")
	d.archived(t, len(d.packages)+1)
	d.spoil(t, d.packages[0])
	d.run(t, "engine", "dtctl", "verify", d.packages[0].Name, "--at", "cornell.lta")
	d.reads(t, `sum(cdt_copies{location="cornell.lta",state="quarantined"})`, some)
	d.aBoundary(t)
	d.run(t, "engine", "dtctl", "pause", "location:cornell.lta", "--why", "to see that somebody is told")
	d.file(t, "fourth")
	d.reads(t, `sum(cdt_moves{verdict="blocked",reason="paused"})`, some)
	d.run(t, "engine", "dtctl", "resume", "location:cornell.lta")
	d.archived(t, len(d.packages)+1)
	d.reads(t, `sum(cdt_moves{reason="brake"})`, some)
	d.reads(t, `sum(cdt_location_size_bytes{what="used",location=~".*buffer"})`, some)
}

// spoil changes a byte of a package in Cornell's archive.
func (d *demonstration) spoil(t *testing.T, p packageOf) {
	t.Helper()
	var path string
	err := filepath.WalkDir(filepath.Join(d.dir, "volumes", "cornell-archive"), func(at string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(at, p.Name+".tar") {
			path = at
		}
		return err
	})
	if err != nil || path == "" {
		t.Fatalf("%s is not in Cornell's archive: %v", p.Name, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, 1000); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b, 1000); err != nil {
		t.Fatal(err)
	}
}

// aBoundary waits until five whole minutes of the clock have begun since Prometheus has everything: the panel "Full in" looks every
// five minutes, and must have seen the buffers before they fill.
func (d *demonstration) aBoundary(t *testing.T) {
	t.Helper()
	const step = 5 * time.Minute
	next := d.shownFrom.Truncate(step).Add(step)
	wait := time.NewTimer(time.Until(next)) //nolint:forbidigo // Prometheus has the machine's clock
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-t.Context().Done():
	}
}

// panels asks every query of every panel; each must have had something to show during the route.
func (d *demonstration) panels(t *testing.T) {
	asked := 0
	for _, board := range dashboards(t) {
		for _, p := range board.Panels {
			for _, q := range p.Targets {
				asked++
				n, err := d.shown(p.Datasource["uid"], q.Expr, q.Query)
				if err != nil || n == 0 {
					t.Errorf("%s: %s has no data: %s%s: %v", board.Title, p.Title, q.Expr, q.Query, err)
				}
			}
		}
	}
	t.Logf("%d queries of panels were asked", asked)
	if asked < 30 {
		t.Errorf("that is not all")
	}
}

// shown asks as Grafana would, and returns how much came back.
func (d *demonstration) shown(source, expr, query string) (int, error) {
	switch source {
	case "prometheus":
		return d.during(expr)
	case "influxdb":
		got, err := d.flux(query)
		return len(got), err
	default:
		got, err := d.lines(expr)
		return len(got), err
	}
}

// rules holds that Prometheus has evaluated every rule without an error, and that every series a rule asks for was there.
func (d *demonstration) rules(t *testing.T) {
	var got struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Query, Health, LastError string }
			}
		}
	}
	if err := d.fetch(d.at("prometheus", "9090")+"/api/v1/rules", nil, &got); err != nil {
		t.Fatal(err)
	}
	var want rules
	decode(t, "prometheus/rules.yml", &want)
	health := map[string]string{}
	for _, g := range got.Data.Groups {
		for _, r := range g.Rules {
			health[r.Name] = strings.TrimSpace(r.Health + " " + r.LastError)
		}
	}
	selector, asked := regexp.MustCompile(`\b(?:cdt[_:][a-z_:]+|up)\b(?:\{[^}]*\})?`), 0
	for _, r := range want.Groups[0].Rules {
		name := r.Alert + r.Record
		if health[name] != "ok" {
			t.Errorf("%s: Prometheus says %q", name, health[name])
		}
		for _, s := range selector.FindAllString(r.Expr, -1) {
			asked++
			if n, err := d.during(s); err != nil || n == 0 {
				t.Errorf("%s asks for %s, of which there was nothing: %v", name, s, err)
			}
		}
	}
	t.Logf("%d rules were evaluated, %d selectors in them asked", len(want.Groups[0].Rules), asked)
}
