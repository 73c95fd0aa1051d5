package check_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ccatobs/cdt/check"
	"github.com/ccatobs/cdt/opsdb"
)

// The locations of the small observatory.
const (
	telescope = "ccat.primecam"
	summit    = "ccat.buffer"
	landing   = "cologne.buffer"
	first     = "cologne.lta"
	landing2  = "cornell.buffer"
	second    = "cornell.lta"
	name      = "raw-obs1-m1-1-0a1b2c3d"
	dir       = "raw/obs1/"
	tarPath   = dir + name + ".tar"
	jsonPath  = dir + name + ".json"
)

// odd is a name that a bag cannot carry.
const odd = "obs1/m1/odd\n%\xff.dat"

// packing is the content of a tar, to be spoilt before it is written.
type packing struct {
	entries []tar.Header
	content [][]byte
}

func (p *packing) add(path string, content []byte, at time.Time) {
	p.entries = append(p.entries, tar.Header{Typeflag: tar.TypeReg, Name: name + "/" + path, Size: int64(len(content)), Mode: 0o644, ModTime: at, Format: tar.FormatPAX})
	p.content = append(p.content, content)
}

// at returns the index of an entry.
func (p *packing) at(path string) int {
	return slices.IndexFunc(p.entries, func(h tar.Header) bool { return h.Name == name+"/"+path })
}

// set gives an entry another content.
func (p *packing) set(path string, content []byte) {
	i := p.at(path)
	p.content[i], p.entries[i].Size = content, int64(len(content))
}

// bytes is the tar, with the offset of each content.
func (p *packing) bytes(t *testing.T) ([]byte, map[string]int64) {
	t.Helper()
	var out bytes.Buffer
	offsets := map[string]int64{}
	w := tar.NewWriter(&out)
	for i := range p.entries {
		if err := w.WriteHeader(&p.entries[i]); err != nil {
			t.Fatal(err)
		}
		offsets[strings.TrimPrefix(p.entries[i].Name, name+"/")] = int64(out.Len())
		if _, err := w.Write(p.content[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), offsets
}

// seal writes manifest and tag manifest anew, so that what was spoilt before is consistent.
func (p *packing) seal(names []byte) {
	i := slices.IndexFunc(p.entries, func(h tar.Header) bool { return !strings.HasPrefix(h.Name, name+"/data/") })
	if i >= 0 {
		p.entries, p.content = p.entries[:i], p.content[:i]
	}
	var manifest, tags strings.Builder
	var size int64
	for i, h := range p.entries {
		size += h.Size
		fmt.Fprintf(&manifest, "%s  %s\n", digest(p.content[i]), strings.TrimPrefix(h.Name, name+"/"))
	}
	files := [][2]string{
		{"bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"},
		{"bag-info.txt", fmt.Sprintf("Payload-Oxum: %d.%d\n", size, len(p.entries))},
		{"manifest-sha256.txt", manifest.String()},
	}
	if names != nil {
		files = append(files, [2]string{"cdt-names.json", string(names)})
	}
	for _, f := range files {
		fmt.Fprintf(&tags, "%s  %s\n", digest([]byte(f[1])), f[0])
		p.add(f[0], []byte(f[1]), time.Unix(1, 0))
	}
	p.add("tagmanifest-sha256.txt", []byte(tags.String()), time.Unix(1, 0))
}

func oddName() string { return "data/.renamed/" + string(digest([]byte(odd))) }

func oddNames(t *testing.T) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"version": 1, "names": []any{map[string]any{"name": oddName(), "raw": []byte(odd)}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// newWorld is the state after a package has been archived twice and its source and buffers were cleaned.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, root: t.TempDir(), now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), pack: &packing{}}
	w.db = &database{members: map[opsdb.ID][]opsdb.Member{}, broken: map[string]error{}}
	w.pkg = opsdb.Package{ID: opsdb.NewID(), Route: "raw", Stage: "pack", Number: 1, Name: name, Dir: "raw/obs1", Source: telescope, Destination: summit}
	w.config = check.Config{
		Store: w.db, Roots: map[string]string{}, Truth: map[string][]check.Original{},
		Types:    map[string]opsdb.LocationType{telescope: opsdb.Source, summit: opsdb.Buffer, landing: opsdb.Buffer, first: opsdb.Archive, landing2: opsdb.Buffer, second: opsdb.Archive},
		Archives: []string{first, second}, SendOnce: []string{"ccat"}, Require: 2, Finished: true,
	}
	for location := range w.config.Types {
		w.config.Roots[location] = w.path(location, "")
		w.writeJSON(location, opsdb.MarkerName, opsdb.Marker{Version: 1, ID: opsdb.NewID(), Location: location})
	}
	w.takeFiles()
	w.packFiles()
	w.travel()
	w.clean()
	w.chainEvents()
	return w
}

// takeFiles puts three files before the telescope, takes them as the truth and files them.
func (w *world) takeFiles() {
	at := time.Date(2026, 2, 28, 3, 4, 5, 123456789, time.UTC)
	for _, path := range []string{"obs1/m1/a.dat", "obs1/m1/empty", odd} {
		content := []byte(strings.Repeat(path, 300))
		if strings.HasSuffix(path, "empty") {
			content = nil
		}
		w.write(telescope, path, content)
		if err := os.Chtimes(w.path(telescope, path), at, at); err != nil {
			w.t.Fatal(err)
		}
		f := opsdb.File{ID: opsdb.NewID(), Location: telescope, Path: path, Size: int64(len(content)), ModTime: at, State: opsdb.Deleted}
		w.files = append(w.files, f)
		w.event(opsdb.EventFiled, "file:"+string(f.ID), telescope, nil)
	}
	truth, err := check.Take(w.t.Context(), w.path(telescope, ""))
	if err != nil {
		w.t.Fatal(err)
	}
	w.config.Truth[telescope] = truth
	w.db.files = w.files
}

// packFiles fills the packing and the rows of members.
func (w *world) packFiles() {
	for _, f := range w.files {
		content, err := os.ReadFile(w.path(telescope, f.Path))
		if err != nil {
			w.t.Fatal(err)
		}
		inBag := "data/" + f.Path
		if f.Path == odd {
			inBag = oddName()
		}
		w.pack.add(inBag, content, f.ModTime)
		w.db.members[w.pkg.ID] = append(w.db.members[w.pkg.ID], opsdb.Member{Package: w.pkg.ID, File: f.ID, Path: f.Path, Name: inBag, Size: f.Size, ModTime: f.ModTime, Digest: digest(content)})
	}
	w.pack.seal(oddNames(w.t))
	text, offsets := w.pack.bytes(w.t)
	w.pkg.Digest, w.pkg.Size, w.pkg.Segments = digest(text), int64(len(text)), []opsdb.Digest{digest(text)}
	for i := range w.db.members[w.pkg.ID] {
		m := &w.db.members[w.pkg.ID][i]
		m.Offset = offsets[m.Name]
	}
	w.event(opsdb.EventPackaged, "package:"+string(w.pkg.ID), summit, map[string]any{"digest": w.pkg.Digest, "size": w.pkg.Size})
	w.db.packages = []opsdb.Facts{{Package: w.pkg}}
}

// travel brings the package from place to place.
func (w *world) travel() {
	for _, hop := range [][2]string{{telescope, summit}, {summit, landing}, {landing, first}, {landing, landing2}, {landing2, second}} {
		w.arrive(hop[0], hop[1])
	}
	for _, a := range []string{first, second} {
		w.archive(a, tarPath, jsonPath)
		w.db.packages[0].Copies = append(w.db.packages[0].Copies, opsdb.Copy{ID: opsdb.NewID(), Package: w.pkg.ID, Location: a, Form: opsdb.Tar, Path: tarPath, State: opsdb.Present, Size: w.pkg.Size, Sidecar: true})
	}
}

// arrive records that a task brought the package and that it was read back.
func (w *world) arrive(from, to string) opsdb.Receipt {
	task := opsdb.Task{ID: opsdb.NewID(), Package: w.pkg.ID, From: from, To: to, State: opsdb.TaskCompleted, Token: 1, CreatedAt: w.now}
	w.db.tasks = append(w.db.tasks, task)
	r := w.receipt(to)
	r.Task = task.ID
	w.event(opsdb.EventCopyVerified, "package:"+string(w.pkg.ID), to, r)
	return r
}

func (w *world) receipt(location string) opsdb.Receipt {
	return opsdb.Receipt{ID: opsdb.NewID(), Package: w.pkg.ID, Location: location, Path: tarPath, Digest: w.pkg.Digest, Size: w.pkg.Size, At: w.now, Version: 1}
}

// archive writes the tar and its sidecar under the given names.
func (w *world) archive(location, tarPath, jsonPath string) {
	text, _ := w.pack.bytes(w.t)
	w.write(location, tarPath, text)
	w.writeJSON(location, jsonPath, w.sidecar(location, tarPath))
}

func (w *world) sidecar(location, path string) opsdb.Sidecar {
	s := opsdb.Sidecar{Version: 1, Package: w.pkg.ID, Name: name, Route: "raw", Number: 1, Source: telescope, Location: location, Path: path, Size: w.pkg.Size, Digest: w.pkg.Digest, SegmentSize: opsdb.SegmentSize, Segments: w.pkg.Segments}
	for _, m := range w.db.members[w.pkg.ID] {
		sm := opsdb.SidecarMember{File: m.File, Path: opsdb.ShowPath(m.Path), Name: m.Name, Offset: m.Offset, Size: m.Size, ModTime: m.ModTime, Digest: m.Digest}
		if sm.Path != m.Path {
			sm.Raw = []byte(m.Path)
		}
		s.Members = append(s.Members, sm)
	}
	return s
}

// clean condemns and deletes the source files and the buffers' copies.
func (w *world) clean() {
	subject := "package:" + string(w.pkg.ID)
	for _, location := range []string{telescope, summit, landing, landing2} {
		w.event(opsdb.EventCondemned, subject, location, nil)
		w.event(opsdb.EventDeleting, subject, location, opsdb.DeletionProof{Require: 2, Fresh: "2880h0m0s", Receipts: []opsdb.Receipt{w.receipt(first), w.receipt(second)}})
		if location == telescope {
			for _, f := range w.files {
				w.remove(telescope, f.Path)
				w.event(opsdb.EventFileDeleted, "file:"+string(f.ID), telescope, nil)
			}
		}
		w.event(opsdb.EventDeleted, subject, location, nil)
	}
}
