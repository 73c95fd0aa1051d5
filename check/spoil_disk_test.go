package check_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
)

func TestSpoiltDisksAreFound(t *testing.T) {
	t.Parallel()
	judge(t, []spoil{
		{"an object nobody knows in an archive", check.Dark, func(w *world) { w.write(first, "raw/obs1/other.dat", []byte("x")) }},
		{"a tar nobody knows in a buffer", check.Dark, func(w *world) { w.archive(landing, tarPath, ".part/x") }},
		{"an archived tar that is gone", check.Gone, func(w *world) { w.remove(first, tarPath) }},
		{"a buffered tar that is gone", check.Gone, func(w *world) { w.buffer() }},
		{"a buffered tar with another byte", "S5", func(w *world) {
			w.buffer()
			text, _ := w.pack.bytes(w.t)
			text[len(text)-1] ^= 1
			w.write(landing, tarPath, text)
		}},
		{"an archived tar cut short", "S5", func(w *world) {
			if err := os.Truncate(w.path(first, tarPath), w.pkg.Size-1); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"a source file that went without a word", check.Gone, func(w *world) { w.drop(opsdb.EventFileDeleted, ""); w.chainEvents() }},
		{"a source file that went and is in one archive", "S1", func(w *world) { w.remove(first, tarPath) }},
		{"segments that are not the tar's", "S4", func(w *world) { w.db.packages[0].Package.Segments = []opsdb.Digest{digest(nil)} }},
		{"a root with another's marker", "S9", func(w *world) {
			w.writeJSON(first, opsdb.MarkerName, opsdb.Marker{Version: 1, Location: second})
		}},
		{"a root with a garbled marker", "S9", func(w *world) { w.write(first, opsdb.MarkerName, []byte("{")) }},
		{"a root without a marker", "S9", func(w *world) { w.remove(first, opsdb.MarkerName) }},
		{"a symlink in an archive", "S10", func(w *world) {
			if err := os.Symlink(tarPath, w.path(first, "raw/link.tar")); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"a package under two names", check.Twice, func(w *world) {
			w.archive(first, dir+name+".r1.tar", dir+name+".r1.json")
			again := *w.copyAt(first)
			again.ID, again.Path = opsdb.NewID(), dir+name+".r1.tar"
			w.db.packages[0].Copies = append(w.db.packages[0].Copies, again)
		}},
		{"a file packed twice by one route", check.Twice, func(w *world) {
			p := w.pkg
			p.ID, p.Name, p.Digest = opsdb.NewID(), "raw-obs1-m1-2-00000000", ""
			w.db.packages = append(w.db.packages, opsdb.Facts{Package: p})
			w.db.members[p.ID] = w.db.members[w.pkg.ID]
		}},
		{"totals that are not the sums", "S12", func(w *world) { w.db.totals = &opsdb.Totals{} }},
		{"a file OpsDB never heard of", check.Unfiled, func(w *world) {
			w.config.Truth[telescope] = append(w.config.Truth[telescope], check.Original{Path: "late.dat"})
			w.write(telescope, "late.dat", nil)
		}},
		{"a file in no package", check.Unarchived, func(w *world) {
			w.config.Truth[telescope] = append(w.config.Truth[telescope], check.Original{Path: "late.dat"})
			w.write(telescope, "late.dat", nil)
			w.db.files = append(w.db.files, opsdb.File{ID: opsdb.NewID(), Location: telescope, Path: "late.dat", State: opsdb.Present})
		}},
		{"an archive that has nothing", check.Unarchived, func(w *world) { w.config.Archives = append(w.config.Archives, "third.lta") }},
	})
}

// buffer says that a copy is in the buffer of the landing site.
func (w *world) buffer() {
	w.db.packages[0].Copies = append(w.db.packages[0].Copies, opsdb.Copy{ID: opsdb.NewID(), Package: w.pkg.ID, Location: landing, Form: opsdb.Tar, Path: tarPath, State: opsdb.Present})
}

func TestSpoiltOriginalsAreFound(t *testing.T) {
	t.Parallel()
	judge(t, []spoil{
		{"other bytes", check.Wrong, func(w *world) { w.config.Truth[telescope][0].Digest = digest([]byte("other")) }},
		{"another time", check.Wrong, func(w *world) {
			o := &w.config.Truth[telescope][0]
			o.ModTime = o.ModTime.Add(time.Nanosecond)
		}},
		{"another size", check.Wrong, func(w *world) { w.config.Truth[telescope][0].Size++ }},
		{"another name", check.Unfiled, func(w *world) { w.config.Truth[telescope][0].Path = "obs1/m1/A.dat" }},
	})
}

// pack is a way to spoil a tar and rewrite it everywhere, with rows and sidecars that agree.
func repack(change func(p *packing)) func(w *world) {
	return func(w *world) {
		change(w.pack)
		w.repack()
	}
}

func (w *world) repack() {
	text, _ := w.pack.bytes(w.t)
	w.pkg.Digest, w.pkg.Size, w.pkg.Segments = digest(text), int64(len(text)), []opsdb.Digest{digest(text)}
	w.db.packages[0].Package = w.pkg
	w.archive(first, tarPath, jsonPath)
}

func TestSpoiltBagsAreFound(t *testing.T) {
	t.Parallel()
	judge(t, []spoil{
		{"no tar at all", check.Bag, func(w *world) { w.write(first, tarPath, []byte(strings.Repeat("garbage ", 200))) }},
		{"a tar that breaks off", check.Bag, func(w *world) {
			if err := os.Truncate(w.path(first, tarPath), 700); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"a symlink in it", check.Bag, repack(func(p *packing) { p.entries[1].Typeflag, p.entries[1].Linkname = '2', "/etc/passwd" })},
		{"a second top folder", check.Bag, repack(func(p *packing) { p.entries[1].Name = "other/data/x" })},
		{"a path that climbs", check.Bag, repack(func(p *packing) { p.entries[1].Name = name + "/data/../../x" })},
		{"no top folder", check.Bag, repack(func(p *packing) { p.entries[1].Name = "x" })},
		{"another top folder than its name", check.Bag, repack(func(p *packing) {
			for i := range p.entries {
				p.entries[i].Name = "other" + strings.TrimPrefix(p.entries[i].Name, name)
			}
		})},
		{"a name twice", check.Bag, repack(func(p *packing) { p.entries[1].Name = p.entries[0].Name })},
		{"payload after the tag files", check.Bag, repack(func(p *packing) { p.add("data/late", nil, time.Unix(1, 0)) })},
		{"no bagit.txt", check.Bag, repack(func(p *packing) { p.entries[p.at("bagit.txt")].Name = name + "/bogus.txt" })},
		{"a declaration of something else", check.Bag, repack(func(p *packing) { p.set("bagit.txt", []byte("hello\n")) })},
		{"a wrong Payload-Oxum", check.Bag, repack(func(p *packing) { p.set("bag-info.txt", []byte("Payload-Oxum: 1.1\n")) })},
		{"a manifest without a line", check.Bag, repack(func(p *packing) { p.set("manifest-sha256.txt", nil) })},
		{"a manifest with a line too many", check.Bag, repack(func(p *packing) {
			i := p.at("manifest-sha256.txt")
			p.set("manifest-sha256.txt", append(p.content[i], []byte(strings.Repeat("0", 64)+"  data/none\nnonsense\n")...))
		})},
		{"a manifest with another digest", check.Bag, repack(func(p *packing) {
			i := p.at("manifest-sha256.txt")
			p.set("manifest-sha256.txt", append([]byte(strings.Repeat("0", 64)), p.content[i][64:]...))
		})},
		{"a tag manifest that lies", check.Bag, repack(func(p *packing) { p.set("tagmanifest-sha256.txt", []byte("0  bagit.txt\n")) })},
		{"a true name that is missing", check.Bag, repack(func(p *packing) { p.seal(nil) })},
		{"names that cannot be read", check.Bag, repack(func(p *packing) { p.seal([]byte("{")) })},
		{"a true name of another file", check.Bag, repack(func(p *packing) {
			p.seal([]byte(`{"version":1,"names":[{"name":"` + oddName() + `","raw":"YQ=="}]}`))
		})},
		{"a true name of nothing", check.Bag, repack(func(p *packing) {
			p.seal([]byte(`{"version":1,"names":[{"name":"data/.renamed/0","raw":"YQ=="}]}`))
		})},
		{"one byte of a member", check.Wrong, repack(func(p *packing) { p.content[0][3] ^= 1 })},
		{"a member too few", check.Bag, func(w *world) {
			w.pack.entries, w.pack.content = w.pack.entries[1:], w.pack.content[1:]
			w.pack.seal(oddNames(w.t))
			w.repack()
		}},
	})
}

func TestSpoiltSidecarsAreFound(t *testing.T) {
	t.Parallel()
	side := func(change func(s *opsdb.Sidecar)) func(w *world) {
		return func(w *world) {
			s := w.sidecar(first, tarPath)
			change(&s)
			w.writeJSON(first, jsonPath, s)
		}
	}
	judge(t, []spoil{
		{"none", check.SidecarBad, func(w *world) { w.remove(first, jsonPath) }},
		{"garbled", check.SidecarBad, func(w *world) { w.write(first, jsonPath, []byte("{")) }},
		{"another version", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Version = 2 })},
		{"another package", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Package = opsdb.NewID() })},
		{"another place", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Location = second })},
		{"another digest", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Digest = digest(nil) })},
		{"another segment", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Segments = []opsdb.Digest{digest(nil)} })},
		{"a member too few", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Members = s.Members[1:] })},
		{"an offset into nothing", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Members[0].Offset++ })},
		{"a range of another size", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Members[0].Size++ })},
		{"a member's other digest", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Members[0].Digest = digest(nil) })},
		{"a range of another member", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Members[0].Name = "data/other" })},
		{"a member's other time", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Members[0].ModTime = time.Unix(5, 0) })},
		{"a member's other path", check.SidecarBad, side(func(s *opsdb.Sidecar) { s.Members[2].Raw = []byte("plain") })},
	})
}
