package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/clock"
	"github.com/ccatobs/cdt/opsdb"
)

// judge lets the checker re-read everything and says what it found.
func (d *demo) judge(ctx context.Context, began time.Time) error {
	_, bytes := d.taken()
	d.world.Checked = func(_ string, n int64) { d.view.count.Add(n) }
	stop := d.view.counting(bytes*int64(len(d.world.Archives())), "the checker re-reads everything")
	report, err := d.world.Check(ctx, d.originals, true)
	stop()
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	v, err := d.result(ctx, report)
	if err != nil {
		return err
	}
	v.Seconds = clock.System{}.Now().Sub(began).Seconds()
	if err := d.say(v, func() error { return d.text(v) }); err != nil {
		return err
	}
	if len(v.Violations)+len(v.Unfinished) > 0 {
		return errFound
	}
	return nil
}

// result puts the report into the words of the demo, and says what is not finished.
func (d *demo) result(ctx context.Context, r check.Report) (demoJSON, error) {
	v := demoJSON{
		Version: opsdb.FormatVersion, Archived: r.Archived, SourcesDeleted: r.SourcesDeleted, CopiesLeft: r.CopiesLeft,
		Skipped: append([]skipJSON{}, d.skipped...), Violations: append([]check.Violation{}, r.Violations...), Unfinished: []string{},
		SimulatedDays: d.world.Clock.Now().Sub(d.world.Began()).Hours() / 24, Root: d.places.root,
	}
	v.Files, v.Bytes = d.taken()
	t, err := d.world.Store.Totals(ctx)
	if err != nil {
		return v, err
	}
	for _, n := range t.Packages {
		v.Packages += n
	}
	skips, err := d.world.Store.Skips(ctx, "")
	if err != nil {
		return v, err
	}
	for _, s := range skips {
		v.Skipped = append(v.Skipped, skipJSON{opsdb.ShowPath(s.Path), s.Reason})
	}
	v.Unfinished = d.unfinished(v, t)
	return v, nil
}

// unfinished says what does not stand where the routes want it at the end.
func (d *demo) unfinished(v demoJSON, t opsdb.Totals) []string {
	out := []string{}
	for _, a := range d.world.Archives() {
		if n := v.Archived[a]; n != v.Files {
			out = append(out, fmt.Sprintf("%d of %d files are not in %s, or not right there", v.Files-n, v.Files, a))
		}
	}
	if t.Unrouted.Count > 0 {
		out = append(out, fmt.Sprintf("%d files are selected by no route", t.Unrouted.Count))
	}
	expected := 0
	for location, list := range d.originals {
		if d.sourceCleaned(location) {
			expected += len(list)
		}
	}
	if v.SourcesDeleted != expected {
		out = append(out, fmt.Sprintf("%d source files were deleted, the retention asks for %d", v.SourcesDeleted, expected))
	}
	return out
}

// sourceCleaned reports whether every route that packs from a source has a rule that deletes there.
func (d *demo) sourceCleaned(location string) bool {
	packs, cleans := 0, 0
	for _, r := range d.world.Graph.Routes {
		reads := false
		for _, s := range r.Stages {
			for _, m := range s.Moves {
				reads = reads || s.Type == "package" && m.From.Name == location
			}
		}
		if !reads {
			continue
		}
		packs++
		for _, rule := range r.Retention.Rules {
			if rule.Location.Name == location {
				cleans++
			}
		}
	}
	return packs > 0 && packs == cleans
}

// text says the result to a person.
func (d *demo) text(v demoJSON) error {
	fmt.Fprintf(d.out, "\n%d files, %s, in %d packages\n", v.Files, bytesText(v.Bytes), v.Packages)
	for _, a := range d.world.Archives() {
		fmt.Fprintf(d.out, "  %-24s %d files re-read and right\n", a, v.Archived[a])
	}
	fmt.Fprintf(d.out, "  %-24s %d files deleted, as the retention says\n", "sources", v.SourcesDeleted)
	for _, l := range sorted(v.CopiesLeft) {
		fmt.Fprintf(d.out, "  %-24s %d packages left\n", l, v.CopiesLeft[l])
	}
	for _, s := range v.Skipped {
		fmt.Fprintf(d.out, "skipped: %s: %s\n", s.Path, s.Reason)
	}
	for _, u := range v.Unfinished {
		fmt.Fprintf(d.out, "NOT FINISHED: %s\n", u)
	}
	for _, x := range v.Violations {
		fmt.Fprintf(d.out, "VIOLATION %s: %s: %s\n", x.Rule, x.Subject, x.Text)
	}
	if len(v.Violations)+len(v.Unfinished) == 0 {
		fmt.Fprintf(d.out, "every file is in every archive and right; %.1f days passed in %.1f s\n", v.SimulatedDays, v.Seconds)
	}
	if d.keep {
		fmt.Fprintf(d.out, "kept in %s; look around with\n  dtctl status --db %s\n  dtctl packages --db %s\n", v.Root, d.world.DB(), d.world.DB())
	}
	return nil
}
