package check

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ccatobs/cdt/opsdb"
)

// The tag files of a package's bag.
const (
	tagBagit    = "bagit.txt"
	tagInfo     = "bag-info.txt"
	tagManifest = "manifest-sha256.txt"
	tagTags     = "tagmanifest-sha256.txt"
	tagNames    = "cdt-names.json"
	renamedDir  = "data/.renamed/"
)

// judge checks the tag files against what was read, and restores the true names.
func (b *bag) judge() []string {
	var problems []string
	for _, name := range []string{tagBagit, tagInfo, tagManifest, tagTags} {
		if _, ok := b.tags[name]; !ok {
			problems = append(problems, "there is no "+name)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	problems = append(problems, b.judgeBagit()...)
	problems = append(problems, b.judgeInfo()...)
	payload := map[string]opsdb.Digest{}
	for name, e := range b.payload {
		payload[name] = e.digest
	}
	problems = append(problems, judgeManifest(tagManifest, b.tags[tagManifest], payload)...)
	tags := map[string]opsdb.Digest{}
	for name, text := range b.tags {
		if name != tagTags {
			sum := sha256.Sum256(text)
			tags[name] = hexDigest(sum[:])
		}
	}
	problems = append(problems, judgeManifest(tagTags, b.tags[tagTags], tags)...)
	return append(problems, b.restoreNames()...)
}

func (b *bag) judgeBagit() []string {
	lines := strings.Split(strings.TrimSuffix(string(b.tags[tagBagit]), "\n"), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "BagIt-Version: ") || lines[1] != "Tag-File-Character-Encoding: UTF-8" {
		return []string{"bagit.txt is not the declaration of a bag"}
	}
	return nil
}

// judgeInfo compares Payload-Oxum, "bytes.files", with what was read.
func (b *bag) judgeInfo() []string {
	var bytes int64
	for _, e := range b.payload {
		bytes += e.size
	}
	want := fmt.Sprintf("%d.%d", bytes, len(b.payload))
	for line := range strings.Lines(string(b.tags[tagInfo])) {
		if oxum, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "Payload-Oxum:"); ok && strings.TrimSpace(oxum) != want {
			return []string{fmt.Sprintf("bag-info.txt says Payload-Oxum %s, it is %s", strings.TrimSpace(oxum), want)}
		}
	}
	return nil
}

// judgeManifest checks that a manifest lists exactly what is there, each line
// "<digest>  <name>", once and with the right digest.
func judgeManifest(manifest string, text []byte, have map[string]opsdb.Digest) []string {
	var problems []string
	left := maps.Clone(have)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		digest, name, ok := strings.Cut(lines.Text(), "  ")
		got, there := left[name]
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s has a line that is none: %q", manifest, lines.Text()))
		case !there:
			problems = append(problems, fmt.Sprintf("%s lists %q, which is not there or listed before", manifest, name))
		case string(got) != digest:
			problems = append(problems, fmt.Sprintf("%s gives %q the digest %s, it is %s", manifest, name, digest, got))
		}
		delete(left, name)
	}
	if err := lines.Err(); err != nil {
		problems = append(problems, fmt.Sprintf("%s cannot be read: %v", manifest, err))
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		problems = append(problems, fmt.Sprintf("%s does not list %q", manifest, name))
	}
	return problems
}

// namesFile is cdt-names.json: the true bytes of the names that the bag could
// not carry.
type namesFile struct {
	Version int `json:"version"`
	Names   []struct {
		Name string `json:"name"`
		Raw  []byte `json:"raw"`
	} `json:"names"`
}

// restoreNames fills names: the path below data/, or what cdt-names.json says.
// A name that is stored as .renamed/<digest> must be the digest of its true bytes.
func (b *bag) restoreNames() []string {
	var problems []string
	renamed := map[string]string{}
	if text, ok := b.tags[tagNames]; ok {
		var f namesFile
		if err := json.Unmarshal(text, &f); err != nil {
			problems = append(problems, fmt.Sprintf("cdt-names.json cannot be read: %v", err))
		}
		for _, n := range f.Names {
			renamed[n.Name] = string(n.Raw)
		}
	}
	for name := range b.payload {
		raw, ok := renamed[name]
		switch {
		case ok && name != renamedName(raw):
			problems = append(problems, fmt.Sprintf("cdt-names.json calls %q what belongs under %q", name, renamedName(raw)))
		case !ok && strings.HasPrefix(name, renamedDir):
			problems = append(problems, fmt.Sprintf("the true name of %q is not in cdt-names.json", name))
			continue
		case !ok:
			raw = strings.TrimPrefix(name, "data/")
		}
		b.names[name] = raw
		delete(renamed, name)
	}
	for name := range renamed {
		problems = append(problems, fmt.Sprintf("cdt-names.json names %q, which is not there", name))
	}
	return problems
}

func renamedName(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return renamedDir + hex.EncodeToString(sum[:])
}
