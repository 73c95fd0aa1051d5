package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ccatobs/cdt/opsdb"
)

func (h *history) condemnedCopy(e opsdb.Event) {
	if h.Types[e.Location] == opsdb.Archive {
		h.violate("S3", e.Subject, "was condemned in the archive %s", e.Location)
	}
	h.life(e.Package).condemned[e.Location] = e.At
}

// deletingCopy judges the word that is given right before a destructive act:
// by the proof it carries, and by what the events before it say of the archives.
func (h *history) deletingCopy(e opsdb.Event) {
	l := h.life(e.Package)
	if h.Types[e.Location] == opsdb.Archive {
		h.violate("S3", e.Subject, "was to be deleted in the archive %s", e.Location)
	}
	switch since, condemned := l.condemned[e.Location]; {
	case !condemned:
		h.violate("S14", e.Subject, "was to be deleted at %s without having been condemned", e.Location)
	case e.At.Sub(since) < h.Grace:
		h.violate("S14", e.Subject, "was to be deleted at %s %s after it was condemned, its grace is %s", e.Location, e.At.Sub(since), h.Grace)
	}
	var proof opsdb.DeletionProof
	if err := json.Unmarshal([]byte(e.After), &proof); err != nil {
		h.violate("S1", e.Subject, "the proof for its deletion at %s cannot be read: %v", e.Location, err)
		return
	}
	need := max(proof.Require, h.Require, 1)
	sites, objections := h.witnesses(e, l, proof)
	if len(sites) < need {
		h.violate("S1", e.Subject, "deletion at %s needed %d archive copies at distinct sites, %d spoke for it%s", e.Location, need, len(sites), objections)
	}
	l.deleting[e.Location] = true
}

// witnesses returns the sites of the receipts in a proof that hold, and why the others do not.
func (h *history) witnesses(e opsdb.Event, l *life, proof opsdb.DeletionProof) (map[string]bool, string) {
	sites := map[string]bool{}
	var why strings.Builder
	for _, r := range proof.Receipts {
		if text := h.objection(e, l, proof, r); text != "" {
			fmt.Fprintf(&why, "; %s: %s", r.Location, text)
			continue
		}
		sites[opsdb.SiteOf(r.Location)] = true
	}
	return sites, why.String()
}

func (h *history) objection(e opsdb.Event, l *life, proof opsdb.DeletionProof, r opsdb.Receipt) string {
	fresh, err := time.ParseDuration(proof.Fresh)
	switch {
	case r.Location == e.Location:
		return "is the copy itself"
	case h.Types[r.Location] != opsdb.Archive:
		return "is no archive"
	case r.Package != e.Package || r.Digest != l.digest || r.Size != l.size || l.digest == "":
		return "is a receipt of something else"
	case r.At.After(e.At):
		return "is from the future"
	case proof.Fresh != "" && err != nil:
		return "says no freshness that can be read"
	case fresh > 0 && e.At.Sub(r.At) > fresh:
		return "is older than " + proof.Fresh
	case l.verified[r.Location].IsZero():
		return "no event before says that the copy was verified, or a later one took it back"
	}
	return ""
}

func (h *history) deletedCopy(e opsdb.Event) {
	l := h.life(e.Package)
	if h.Types[e.Location] == opsdb.Archive {
		h.violate("S3", e.Subject, "was deleted in the archive %s", e.Location)
	}
	if !l.deleting[e.Location] {
		h.violate("S1", e.Subject, "was deleted at %s without a copy.deleting before", e.Location)
	}
	delete(l.verified, e.Location)
	delete(l.condemned, e.Location)
}

// deletedFile judges a source file's end: every package that holds it must
// have been archived at enough sites at that moment, and one of them must have announced it.
func (h *history) deletedFile(e opsdb.Event) {
	id := opsdb.ID(strings.TrimPrefix(e.Subject, "file:"))
	h.deleted[id] = true
	holders := h.holders[id]
	if len(holders) == 0 {
		h.violate("S1f", e.Subject, "was deleted and is in no package")
	}
	announced := false
	for _, pkg := range holders {
		if h.life(pkg).cut[e.Location] {
			return // it went under a deletion that was judged then, and was found gone later
		}
	}
	for _, pkg := range holders {
		l := h.life(pkg)
		announced = announced || l.deleting[e.Location]
		if got := h.archivedAt(l); len(got) < max(h.Require, 1) {
			h.violate("S1f", e.Subject, "was deleted while package %s was verified in %d archives: %q", pkg, len(got), got)
		}
		if _, condemned := l.condemned[e.Location]; !condemned && !l.deleting[e.Location] {
			h.violate("S1f", e.Subject, "was deleted while package %s had not given it up", pkg)
		}
	}
	if !announced && len(holders) > 0 {
		h.violate("S1f", e.Subject, "was deleted at %s without a copy.deleting before", e.Location)
	}
}

// archivedAt returns the sites at which a package is verified in an archive.
func (h *history) archivedAt(l *life) []string {
	sites := map[string]bool{}
	for location := range l.verified {
		if h.Types[location] == opsdb.Archive {
			sites[opsdb.SiteOf(location)] = true
		}
	}
	return slices.Sorted(maps.Keys(sites))
}
