package engine

import (
	"fmt"
	"strings"
)

// Text is the explanation for a person at a terminal.
func (x Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s/%d, %s, %d bytes)\n%s\n", x.Package.Name, x.Package.Route, x.Package.Number, filesText(x.Package.Files), x.Package.Bytes, x.Headline)
	if x.Package.Quarantined != "" && x.Package.Files > 0 {
		fmt.Fprintf(&b, "quarantined: %s\n", x.Package.Quarantined)
	}
	b.WriteString("\ncopies\n")
	for _, c := range x.Copies {
		fmt.Fprintf(&b, "  %-20s %s%s\n", c.Location, c.State, c.detail())
	}
	for _, r := range x.Resends {
		fmt.Fprintf(&b, "\nmay leave again for %s: ordered by %s, %s%s\n", r.Site, r.Who, stamp(r.At), withText(r.Why))
	}
	b.WriteString("\nmoves\n")
	for _, d := range x.Decisions {
		d.write(&b)
	}
	for _, t := range x.Tasks {
		fmt.Fprintf(&b, "task %s: %s to %s, %s, %d attempts%s\n", t.ID.Short(), t.Stage, t.To, t.State, t.Attempts, withText(t.Failure))
	}
	if !x.NextLook.IsZero() {
		fmt.Fprintf(&b, "looked at again %s\n", stamp(x.NextLook))
	}
	if len(x.WaitsFor) > 0 {
		fmt.Fprintf(&b, "woken by %s\n", strings.Join(x.WaitsFor, ", "))
	}
	return b.String()
}

func filesText(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

func (c CopyLine) detail() string {
	var parts []string
	if !c.VerifiedAt.IsZero() {
		parts = append(parts, "verified "+stamp(c.VerifiedAt))
	}
	if c.Reason != "" {
		parts = append(parts, c.Reason)
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

// write prints one decision; what is done or unwanted takes one line.
func (d Explained) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %-10s %s > %s: %s, %s%s\n", d.Stage, d.From, d.To, d.Verdict, d.Reason, withText(d.Text))
	if d.Verdict == Satisfied || d.Verdict == Unwanted || d.Verdict == Skipped && d.Type != typeDelete {
		return
	}
	fmt.Fprintf(b, "             %s", d.Meaning)
	if !d.Since.IsZero() {
		fmt.Fprintf(b, "; since %s", stamp(d.Since))
	}
	fmt.Fprintf(b, "\n             what would make it move: %s\n", d.Remedy)
	for _, g := range d.Gates {
		if !g.Open {
			fmt.Fprintf(b, "             gate %d %s: %s%s\n", g.Number, g.Name, g.Reason, withText(g.Text))
		}
	}
	writeTerms(b, "             ", d.Terms)
}

func writeTerms(b *strings.Builder, indent string, terms []Term) {
	for _, t := range terms {
		mark := "no "
		if t.Holds {
			mark = "yes"
		}
		fmt.Fprintf(b, "%s%s  %s%s\n", indent, mark, t.Text, withText(t.Value))
	}
}

// Text is the explanation for a person at a terminal.
func (x FileExplanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%s\n%s: %s\n", x.Location, x.Path, x.State, x.Headline)
	for _, s := range x.Stages {
		fmt.Fprintf(&b, "  %s/%s %s%s\n", s.Route, s.Stage, selection(s.Selects), withText(s.Select))
		writeTerms(&b, "    ", s.Terms)
	}
	for _, g := range x.Groups {
		fmt.Fprintf(&b, "  group %s of %s/%s: %d files, %d bytes; close_when: %s\n", g.ID.Short(), g.Route, g.Stage, g.Files, g.Bytes, g.CloseWhen)
		writeTerms(&b, "    ", g.Terms)
		if !g.Next.IsZero() {
			fmt.Fprintf(&b, "    may close by itself %s\n", stamp(g.Next))
		}
	}
	for _, p := range x.Packages {
		fmt.Fprintf(&b, "  package %s\n", p.Name)
	}
	return b.String()
}

func selection(yes bool) string {
	if yes {
		return "selects it"
	}
	return "does not select it"
}
